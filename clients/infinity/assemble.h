/* The rows of one read into a report. Pure; any thread. */
#ifndef BURSTD_CLIENTS_INFINITY_ASSEMBLE_H
#define BURSTD_CLIENTS_INFINITY_ASSEMBLE_H

#include "clients/infinity/list.h"
#include "clients/infinity/parse.h"

/* Everything one read brought. `arena` owns the strings of the rows. */
struct reading {
	struct arena *arena;
	bool participants;     /* the participant list was asked for */
	int64_t server_offset; /* subtracted from Infinity's times */
	struct global_row global;
	struct rows rows[LIST_COUNT];
};

/*
 * A report that shares nothing with the reading: lists, joins, counts, whole and partial. observed_at,
 * finished_at, management_host and the licence figures are the caller's to fill. NULL fills `e` (memory
 * only).
 */
struct infinity_report *infinity_assemble(const struct reading *, struct upstream_error *e);

#endif
