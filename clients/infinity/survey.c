/* The platform's own configuration: short lists that move seldom. Each may be missing (an older version, a role without the right). */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/infinity/client.h"
#include "clients/infinity/list.h"

/* Refused to this account, or not there in this version: no reason to doubt the other lists. */
static bool is_refusal(const struct upstream_error *e)
{
	return e->http_status == 403 || e->http_status == 404;
}

/* The primary Management Node's address. false: nothing can be read at all, `e` says why. */
static bool read_management(struct infinity_client *client, struct platform_report *report,
			    struct upstream_error *e)
{
	_cleanup_(infinity_rows_free) struct rows rows = {0};
	const struct infinity_list *list = &infinity_lists[LIST_manager];
	const struct manager_row *row;

	if (!infinity_list_read(client, list, report->arena, &rows, e)) {
		if (is_refusal(e))
			unread_add(&report->unread, report->arena, list->resource, e->message);
		return is_refusal(e);
	}
	row = rows.items;
	for (size_t i = 0; i < rows.n; i++)
		if (row[i].address && (!report->management_address || row[i].primary))
			report->management_address = row[i].address;
	return true;
}

/* false: the list could not be read, which is noted. */
static bool read_list(struct infinity_client *client, enum infinity_list_id id,
		      struct platform_report *report, struct rows *rows)
{
	const struct infinity_list *list = &infinity_lists[id];
	struct upstream_error e = {0};
	bool good = infinity_list_read(client, list, report->arena, rows, &e);

	if (!good || rows->partial[0])
		unread_add(&report->unread, report->arena, list->resource, good ? rows->partial : e.message);
	return good && !rows->partial[0];
}

static int count(struct infinity_client *client, enum infinity_list_id id, struct platform_report *report)
{
	_cleanup_(infinity_rows_free) struct rows rows = {0};

	return read_list(client, id, report, &rows) ? (int)rows.n : -1;
}

/* The terms of a list, NULL with *ret_n 0 where it could not be read. */
static struct platform_item *terms(struct infinity_client *client, enum infinity_list_id id,
				   struct platform_report *report, size_t *ret_n)
{
	_cleanup_(infinity_rows_free) struct rows rows = {0};
	bool good = read_list(client, id, report, &rows);
	const struct term_row *row = rows.items;
	struct platform_item *items = good ? arena_array(report->arena, rows.n + 1, sizeof(*items)) : NULL;

	*ret_n = items ? rows.n : 0;
	for (size_t i = 0; i < *ret_n; i++)
		items[i] = (struct platform_item){row[i].name, row[i].ends_at};
	return items;
}

/* false: something is missing or too long to be an IPv4 address. */
static bool place(const struct placement_row *row, struct node_placement *out)
{
	if (!row->address || !row->netmask || !row->gateway || strlen(row->address) >= sizeof(out->address) ||
	    strlen(row->netmask) >= sizeof(out->netmask) || strlen(row->gateway) >= sizeof(out->gateway))
		return false;
	(void)snprintf(out->name, sizeof(out->name), "%s", row->name);
	memcpy(out->address, row->address, strlen(row->address) + 1);
	memcpy(out->netmask, row->netmask, strlen(row->netmask) + 1);
	memcpy(out->gateway, row->gateway, strlen(row->gateway) + 1);
	return true;
}

static void read_placements(struct infinity_client *client, struct platform_report *report)
{
	_cleanup_(infinity_rows_free) struct rows rows = {0};
	const struct placement_row *row;

	if (!read_list(client, LIST_placement, report, &rows))
		return;
	row = rows.items;
	report->placements = arena_array(report->arena, rows.n + 1, sizeof(*report->placements));
	for (size_t i = 0; report->placements && i < rows.n; i++)
		report->n_placements += place(&row[i], &report->placements[report->n_placements]);
}

bool infinity_survey(struct infinity_client *client, struct platform_report **ret, struct upstream_error *e)
{
	_cleanup_(platform_report_freep) struct platform_report *report = platform_report_new(0);

	if (!report)
		return infinity_error_memory(e, "the survey");
	if (!read_management(client, report, e))
		return false;
	report->n_dns = count(client, LIST_dns, report);
	report->n_ntp = count(client, LIST_ntp, report);
	report->licences = terms(client, LIST_entitlement, report, &report->n_licences);
	report->licences_read = report->licences != NULL;
	report->certificates = terms(client, LIST_certificate, report, &report->n_certificates);
	read_placements(client, report);
	*ret = take_ptr(report);
	return true;
}
