/*
 * The store: everything that must survive, in one SQLite database (WAL, synchronous FULL, foreign keys, STRICT tables).
 *
 * One `struct store` is one connection with all its statements prepared at open; one per thread (for a simulation, one
 * in all). Several processes may open the database, but only one may be the controller: store_lock.
 * Writes of more than one row go through store_tx. Functions that read lists return malloc'ed arrays, freed by the
 * named function. Only this folder includes sqlite3.h.
 */
#ifndef BURSTD_STORE_STORE_H
#define BURSTD_STORE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/crypto.h"
#include "base/err.h"
#include "fleet/event.h"
#include "fleet/intent.h"
#include "fleet/join.h"
#include "fleet/sample.h"
#include "fleet/schedule.h"
#include "fleet/settings.h"
#include "fleet/track.h"

struct store;

/*
 * Opens <path> (":memory:" for tests), migrates it to the newest schema, prepares every statement. Refuses a database
 * that a newer burstd wrote (ERR_CONFLICT, with both versions in the detail). `key` seals secrets; copied.
 */
enum err store_open(const char *path, const uint8_t key[SECRET_KEY_SIZE], struct store **ret, struct error *);
void store_close(struct store *); /* NULL is fine */
DEFINE_FREEP(struct store, store_close)

/* The version this binary migrates to, and the one in the database. */
int store_schema_latest(void);
enum err store_schema_version(struct store *, int *ret, struct error *);

/* Reads <dir>/key, or makes it (0600, 32 random bytes) when there is none; refuses one that others can read. */
enum err store_key_load(const char *dir, uint8_t ret_key[SECRET_KEY_SIZE], struct error *);
/* Exclusive lock on <dir>/lock for the life of the process: one controller per state directory. ERR_BUSY names the holder. */
enum err store_lock(const char *dir, int *ret_fd, struct error *);

/*
 * The one transaction runner: BEGIN IMMEDIATE, `fn`, COMMIT; rollback in one place when fn fails. BUSY is waited out
 * (busy timeout) and retried a bounded number of times, so fn may run more than once. Not nestable (asserts).
 * Between store_begin and its end it is a part of that transaction (a savepoint), and runs fn once.
 */
enum err store_tx(struct store *, enum err (*fn)(struct store *, void *arg, struct error *), void *arg,
		  struct error *);
/*
 * A transaction round code that itself uses store_tx: what it writes and what is written beside it are kept together
 * or not at all. BEGIN IMMEDIATE with the same patience as store_tx. After ERR_OK exactly one of the two ends follows,
 * on the same thread; a commit that fails has rolled back.
 */
enum err store_begin(struct store *, struct error *);
enum err store_commit(struct store *, struct error *);
void store_roll_back(struct store *);

/* A write and its roll-back: whether the database can be written right now (/readyz). */
enum err store_writable(struct store *, struct error *);

/* --- backup.c ------------------------------------------------------------------------------------------------------ */
struct store_backup {
	int64_t bytes;
	int schema;
};
/*
 * Copies the database at `database` into the new file `path` (0600), whole and durable when this returns, while other
 * connections and processes write. An existing file is not overwritten. Needs no key: sealed secrets are copied sealed.
 */
enum err store_backup(const char *database, const char *path, struct store_backup *ret, struct error *);
/* The schema version of the database at `path`, read without changing anything; damage is an error too. */
enum err store_inspect(const char *path, int *ret_schema, struct error *);

/* --- settings.c: the bursting settings, own thresholds of locations ------------------------------------------------ */
enum err store_settings_get(struct store *, struct bursting_settings *ret, struct error *);
/* The secret access keys among the settings: of bursting, and of life-cycle operations. */
enum settings_secret { SETTINGS_AWS, SETTINGS_LIFECYCLE };
#define SETTINGS_SECRETS (SETTINGS_LIFECYCLE + 1)
/* NULL leaves the secret as it is, "" removes it, else it is sealed and kept. */
struct settings_secrets {
	const char *text[SETTINGS_SECRETS];
};
/*
 * Writes `s`, version + 1, when s->version is the present one, else ERR_PRECONDITION. `secrets` may be NULL: they stay as they
 * are. *ret_version (may be NULL) is the new version.
 */
enum err store_settings_put(struct store *, const struct bursting_settings *s,
			    const struct settings_secrets *secrets, int64_t *ret_version, struct error *);
/* One secret, malloc'ed, NULL when it is not set. Caller: secret_free. */
enum err store_settings_secret(struct store *, enum settings_secret, char **ret, struct error *);

enum err store_thresholds(struct store *, struct location_threshold **ret, size_t *ret_n,
			  struct error *); /* free() */
enum err store_threshold_put(struct store *, int64_t location, int threshold /* 0 removes */, struct error *);

/* --- wishes.c ------------------------------------------------------------------------------------------------------ */
enum err store_wishes(struct store *, struct node_wish **ret, size_t *ret_n, struct error *); /* free() */
/* A node without a row gives an empty wish of version 0. */
enum err store_wish_get(struct store *, int64_t node, struct node_wish *ret, struct error *);
/* Like store_settings_put: w->version must be the present one; the new one is one more. */
enum err store_wish_put(struct store *, const struct node_wish *w, struct error *);

/* --- locations.c --------------------------------------------------------------------------------------------------- */
enum err store_location_wishes(struct store *, struct location_wish **ret, size_t *ret_n,
			       struct error *); /* free() */
/* A location without a row gives an empty wish of version 0. */
enum err store_location_wish_get(struct store *, int64_t location, struct location_wish *ret, struct error *);
/* Like store_settings_put: w->version must be the present one; the new one is one more. */
enum err store_location_wish_put(struct store *, const struct location_wish *w, struct error *);
/* The location is no more: its wishes and its own threshold go. */
enum err store_location_forget(struct store *, int64_t location, struct error *);

/* --- holds.c ------------------------------------------------------------------------------------------------------- */
/* Holds with until > now, by id. Caller: store_holds_free. */
enum err store_holds(struct store *, int64_t now, struct hold **ret, size_t *ret_n, struct error *);
void store_holds_free(struct hold *, size_t n);
/* Those with id < before (0 = from the newest), newest first, also ended ones when `ended`; at most limit. */
enum err store_holds_page(struct store *, int64_t now, bool ended, int64_t before, int limit,
			  struct hold **ret, size_t *ret_n, struct error *);
enum err store_hold_add(struct store *, struct hold *h /* id is filled in */, struct error *);
enum err store_hold_get(struct store *, int64_t id, struct hold **ret /* array of one */, struct error *);
/* Writes target, end, reason and owner of hold h->id. ERR_NOT_FOUND */
enum err store_hold_put(struct store *, const struct hold *h, struct error *);
enum err store_hold_remove(struct store *, int64_t id, struct error *); /* ERR_NOT_FOUND */
/* Holds whose end has passed and whose end was not yet told to history; marks them as told. Inside store_tx. */
enum err store_holds_ended(struct store *, int64_t now, struct hold **ret, size_t *ret_n, struct error *);

/* --- schedules.c --------------------------------------------------------------------------------------------------- */
/* By id, id > after, at most limit. Caller: store_schedules_free. */
enum err store_schedules(struct store *, int64_t after, int limit, struct schedule **ret, size_t *ret_n,
			 struct error *);
void store_schedules_free(struct schedule *, size_t n);
enum err store_schedule_get(struct store *, int64_t id, struct schedule **ret /* array of one */,
			    struct error *);
/* Whether it could be written: ERR_CONFLICT where another has the name, or a new one (id 0) finds LIMIT_SCHEDULES. */
enum err store_schedule_check(struct store *, const struct schedule *, struct error *);
/* As store_schedule_check has it. */
enum err store_schedule_add(struct store *, struct schedule *s /* id is filled in */, struct error *);
enum err store_schedule_put(struct store *, const struct schedule *, struct error *); /* likewise */
/* Forgets its firings too; its holds stay. ERR_NOT_FOUND */
enum err store_schedule_remove(struct store *, int64_t id, struct error *);
/* The firings since then that have had their hold; free() */
enum err store_fired(struct store *, int64_t since, struct fired **ret, size_t *ret_n, struct error *);
/* Keeps that the firing has had its hold; a second row of one firing takes the place of the first. */
enum err store_fired_put(struct store *, const struct fired *, struct error *);
enum err store_fired_remove(struct store *, int64_t schedule, int64_t start, struct error *);

/* --- tracks.c ------------------------------------------------------------------------------------------------------ */
enum err store_tracks(struct store *, struct track_table *ret,
		      struct error *); /* sorted by node; track_table_free */
enum err store_track_put(struct store *, const struct node_track *, struct error *);

/* --- intents.c ----------------------------------------------------------------------------------------------------- */
/* The open ones, by id. Caller frees the array with free(). */
enum err store_intents_open(struct store *, struct intent **ret, size_t *ret_n, struct error *);
/*
 * Adds an intent: id, token are filled in. At most one open intent per node, per location itself, and per name of a location
 * that is to be made (unique indexes): ERR_CONFLICT otherwise.
 */
enum err store_intent_add(struct store *, struct intent *, struct error *);
/*
 * Writes the changed intent if its row is still in state `from` with the same `attempts` as when it was read
 * (`from_attempts`), else ERR_CONFLICT: two threads, or a handler and the controller, never both move it.
 * The move itself is checked by intent_may_move (assert: a wrong move is a bug of ours); staying in the state is allowed,
 * to count an attempt or to note an error. In the database closed_at is set on closing, to entered_at unless given.
 */
enum err store_intent_move(struct store *, const struct intent *, enum intent_state from, int from_attempts,
			   struct error *);
enum err store_intent_get(struct store *, int64_t id, struct intent *ret, struct error *);
/* The open intent of a node; ERR_NOT_FOUND when none. */
enum err store_intent_of_node(struct store *, int64_t node, struct intent *ret, struct error *);
/* The open intent of a location itself; ERR_NOT_FOUND when none. */
enum err store_intent_of_location(struct store *, int64_t location, struct intent *ret, struct error *);
/* Newest first, id < before (0 = from the newest); node 0 = all; open_only. */
enum err store_intents_page(struct store *, int64_t node, bool open_only, int64_t before, int limit,
			    struct intent **ret, size_t *ret_n, struct error *);

/* --- tally.c ------------------------------------------------------------------------------------------------------- */
/* Upper bounds of the classes of struct intent_tally .boots, in seconds. */
#define BOOT_BOUNDS_SECONDS                                                                                  \
	{                                                                                                    \
		15, 30, 45, 60, 75, 90, 120, 150, 180, 240, 300, 600                                         \
	}
#define BOOT_BOUNDS 12
/* How all intents so far ended. Never falls, as intents are kept: a counter that no restart resets. */
struct intent_tally {
	int64_t closed[INTENT_KINDS][INTENT_STATE_COUNT];
	int64_t boots[BOOT_BOUNDS + 1]; /* starts that are done, by the time from their making to their end */
	int64_t boots_ms;
};
/* Costs the intents that came or closed since the last call on this connection, and all at the first call. */
enum err store_intent_tally(struct store *, struct intent_tally *ret, struct error *);

/* --- history.c ----------------------------------------------------------------------------------------------------- */
enum err store_event_add(struct store *, const struct event *, int64_t *ret_id, struct error *);
struct history_filter {
	int64_t node;      /* 0 = all */
	int64_t location;  /* 0 = all */
	int type;          /* enum event_type, -1 = all */
	const char *actor; /* NULL = all */
	int64_t since;     /* time >= since; 0 = all */
	int64_t until;     /* time < until; 0 = all */
	int64_t before;    /* id < before, keyset; 0 = from the newest */
};
/*
 * Newest first (by id), at most `limit`. Caller: store_events_free. Each single filter has an index with id behind it, so a page of a
 * million rows costs the same as one of ten.
 */
enum err store_events(struct store *, const struct history_filter *, int limit, struct event **ret,
		      size_t *ret_n, struct error *);
/* Oldest first, id > after: ids grow in the order of the commits, so whoever follows them misses none. */
enum err store_events_after(struct store *, int64_t after, int limit, struct event **ret, size_t *ret_n,
			    struct error *);
enum err store_event_newest(struct store *, int64_t *ret /* id, 0 = none yet */, struct error *);
void store_events_free(struct event *, size_t n);

/* Starts, runnings and stops of nodes, as Infinity's workervm_status_event tells them. */
struct node_event_filter {
	int64_t node;         /* 0 = all */
	int type;             /* enum event_type, -1 = the three */
	const char *name;     /* of the node; NULL = all */
	const char *contains; /* in the node's name, upper and lower case alike; NULL = all */
	int64_t since;        /* time >= since; 0 = all */
	int64_t until;        /* time < until; 0 = all */
	bool by_time;         /* ordered by time and id, else by id */
	bool falling;
};
#define NODE_EVENTS_WINDOW 10000
/*
 * At most `limit` of those that match, from `offset` on, and how many match in all. Offsets cost what they skip, so only the
 * newest NODE_EVENTS_WINDOW events of the history are looked at, whatever its length. Caller: store_events_free.
 */
enum err store_node_events(struct store *, const struct node_event_filter *, int64_t offset, int limit,
			   struct event **ret, size_t *ret_n, int64_t *ret_total, struct error *);
/* One of them, of any age, as an array of one; ERR_NOT_FOUND. Caller: store_events_free. */
enum err store_node_event_get(struct store *, int64_t id, struct event **ret, struct error *);

/* --- decisions.c --------------------------------------------------------------------------------------------------- */
struct decision_row {
	int64_t id;
	int64_t time;
	int64_t location;
	int64_t node;
	char action[24];
	char rule[4];
	char *json; /* the whole decision as a JSON object; owned */
};
enum err store_decision_add(struct store *, const struct decision_row *, int64_t *ret_id, struct error *);
enum err store_decisions_page(struct store *, int64_t location, int64_t before, int limit,
			      struct decision_row **ret, size_t *ret_n, struct error *);
enum err store_decision_get(struct store *, int64_t id, struct decision_row **ret /* array of one */,
			    struct error *);
void store_decisions_free(struct decision_row *, size_t n);

/* --- tokens.c ------------------------------------------------------------------------------------------------------ */
enum token_role { TOKEN_NONE, TOKEN_VIEWER, TOKEN_OPERATOR, TOKEN_ADMIN };
const char *token_role_text(enum token_role);
struct token_row {
	int64_t id;
	char name[101];
	enum token_role role;
	char hash[SHA256_HEX_SIZE]; /* SHA-256 of the token; the token itself is never kept */
	int64_t created_at;
	int64_t last_used_at; /* 0 = never */
	int64_t revoked_at;   /* 0 = valid */
};
/*
 * A new random token ("burstd_" + 43 base64url characters) into ret_token (>= 64 bytes), its hash into the store.
 * ERR_CONFLICT where a valid token has the name: a name tells in history who did something.
 */
enum err store_token_create(struct store *, const char *name, enum token_role, int64_t now,
			    char ret_token[64], struct error *);
enum err store_tokens(struct store *, struct token_row **ret, size_t *ret_n, struct error *); /* free() */
enum err store_token_revoke(struct store *, int64_t id, int64_t now, struct error *);
enum err store_token_touch(struct store *, int64_t id, int64_t now, struct error *);
/* ERR_NOT_FOUND; a revoked one is found. */
enum err store_token_get(struct store *, int64_t id, struct token_row *ret, struct error *);
/* The valid one of this name; ERR_NOT_FOUND. */
enum err store_token_named(struct store *, const char *name, struct token_row *ret, struct error *);
/* By id, id > after; revoked ones too when `revoked`; at most limit. free() */
enum err store_tokens_page(struct store *, bool revoked, int64_t after, int limit, struct token_row **ret,
			   size_t *ret_n, struct error *);
/* How many tokens with the role admin are valid. */
enum err store_admin_tokens(struct store *, int *ret, struct error *);
/* Grows with every change of the tokens, so that a cache of them knows when to read again. */
enum err store_tokens_version(struct store *, int64_t *ret, struct error *);

/* --- idempotency.c ------------------------------------------------------------------------------------------------- */
#define IDEMPOTENCY_KEY_MAX 255
/* What was answered to a POST with an Idempotency-Key. "" = the reply has no such header. */
struct kept_reply {
	char fingerprint[SHA256_HEX_SIZE]; /* of the request */
	int64_t expires_at;
	int status;
	char media[64];
	char location[128];
	char etag[64];
	char *body; /* owned, sealed at rest */
};
/* ERR_NOT_FOUND where none is kept, or none any more. Caller: kept_reply_clear. */
enum err store_reply_get(struct store *, const char *actor, const char *key, int64_t now,
			 struct kept_reply *ret, struct error *);
/* Also takes away some of those that have expired. */
enum err store_reply_put(struct store *, const char *actor, const char *key, int64_t now,
			 const struct kept_reply *, struct error *);
void kept_reply_clear(struct kept_reply *);

/* --- samples.c ----------------------------------------------------------------------------------------------------- */
struct sample_filter {
	enum sample_resolution resolution;
	int64_t location;    /* 0 = all */
	int64_t since;       /* time >= since; 0 = all */
	int64_t until;       /* time < until; 0 = all */
	int64_t before_time; /* keyset: behind this time and location; 0 = from the newest */
	int64_t before_location;
};
/* Adds one as it was seen; a second one of the same location and time is left out. */
enum err store_sample_add(struct store *, const struct sample *, struct error *);
/* Newest first, those of one time by location downwards; at most `limit`. free() */
enum err store_samples(struct store *, const struct sample_filter *, int limit, struct sample **ret,
		       size_t *ret_n, struct error *);
/*
 * Makes means, one a location and `step_ms`, of the samples since the last mean (but not before `oldest`) up to the step that
 * `now` lies in, which has not ended. What was made before stays as it is.
 */
enum err store_samples_merge(struct store *, int64_t now, int64_t oldest, int64_t step_ms, struct error *);
/* Removes what is older, at most `limit` rows of each kind, the oldest first. */
enum err store_samples_prune(struct store *, int64_t seen_before, int64_t means_before, int limit,
			     struct error *);
/* The ramp of a location's free HD calls over its samples from `since` on and before `until`. */
enum err store_sample_ramp(struct store *, int64_t location, int64_t since, int64_t until, struct ramp *ret,
			   struct error *);

/* --- acknowledgements.c -------------------------------------------------------------------------------------------- */
struct acknowledgement {
	int64_t id;
	const char *check; /* id of the check; with `subject` it names the finding */
	const char *subject;
	const char *reason;
	const char *actor;
	int64_t created_at;
	int64_t until;
};
/* By id, id > after; expired ones too when `expired`; at most limit. Caller: store_acknowledgements_free. */
enum err store_acknowledgements(struct store *, int64_t now, bool expired, int64_t after, int limit,
				struct acknowledgement **ret, size_t *ret_n, struct error *);
void store_acknowledgements_free(struct acknowledgement *, size_t n);
/* Array of one; ERR_NOT_FOUND. */
enum err store_acknowledgement_get(struct store *, int64_t id, struct acknowledgement **ret, struct error *);
/* The id is filled in. ERR_CONFLICT where one about the same finding is in force at created_at. */
enum err store_acknowledgement_add(struct store *, struct acknowledgement *, struct error *);
enum err store_acknowledgement_remove(struct store *, int64_t id, struct error *); /* ERR_NOT_FOUND */

/*
 * A counter that any write of settings, thresholds, wishes or holds moves, and every new intent: the reconciler re-reads
 * them when it differs. Moved by triggers in the database, so by other processes too.
 */
enum err store_wants_version(struct store *, int64_t *ret, struct error *);

#endif
