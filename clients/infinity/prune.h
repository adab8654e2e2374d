/*
 * Leaves out of a list's answer what nobody reads, before a tree is made of it. Most of a poll's time is the tree: of a participant's
 * 35 members four are read. Pure; any thread.
 */
#ifndef BURSTD_CLIENTS_INFINITY_PRUNE_H
#define BURSTD_CLIENTS_INFINITY_PRUNE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/*
 * Appends the answer {..., "objects": [{...}, ...], ...} to `out`, and of each entry of "objects" only the members that `fields`
 * (NULL at its end) names. All else is copied as it is, so that a parser of the copy judges it; of what is left out only quotation
 * marks and brackets are looked at. false: the answer has another form, is nested deeper than LIMIT_UPSTREAM_JSON_DEPTH, or `out`
 * is full; its content is of no use then, and the answer is to be parsed whole.
 */
bool infinity_prune(const char *text, size_t len, const char *const *fields, struct buf *out);

#endif
