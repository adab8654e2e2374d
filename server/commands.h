/* What `burstd` does besides serving. Each runs on the main thread and returns the process's exit code. */
#ifndef BURSTD_SERVER_COMMANDS_H
#define BURSTD_SERVER_COMMANDS_H

#include "server/config.h"

/* One line on stderr that names what is at fault; returns 1. */
int command_fail(const struct error *);
/* `burstd token create|list|revoke`. */
int command_token(const struct config *);
/* `burstd backup FILE`. */
int command_backup(const struct config *);
/* `burstd check [--json]`: a table of findings on stdout; 1 where one of them is an error. */
int command_check(const struct config *);
/* `burstd routes`: the route table as text, one operation a line, for the tests. */
int command_routes(void);

/* Path of a file in the state directory into `out`; false where it does not fit. */
bool state_path(const struct config *, const char *name, char *out, size_t size);
/* Makes the state directory (0700) when it is missing. */
enum err state_make(const struct config *, struct error *);

#endif
