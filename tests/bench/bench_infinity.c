/*
 * Reading Infinity: infinity_observe over answers from memory, of a platform with 1,000 nodes and 5,000 participants whose objects
 * have every field that the API shows today. CPU of the reading thread, the transport's copy included; and jansson alone over
 * the same bytes.
 */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "clients/infinity/infinity.h"
#include "tests/bench/bench.h"

#define NODES        1000
#define PARTICIPANTS 5000
#define SHARDS       1000
#define PAGE         500
#define ROUNDS       21
#define ANSWER_MAX   (16 * 1024 * 1024)

/* --- the objects ------------------------------------------------------------------------------------------------- */

#define ADDRESS       "10.%d.%d.%d"
#define ADDRESS_OF(i) (i) >> 16, (i) >> 8 & 255, (i)&255

static void put_node(struct buf *b, int i)
{
	buf_printf(
		b,
		"{\"address\": \"" ADDRESS "\", \"alternative_fqdn\": \"\", \"cloud_bursting\": %s, "
		"\"deployment_type\": \"MANUAL-PROVISION-ONLY\", \"description\": \"rack %d\", \"domain\": "
		"\"example.com\", \"enable_distributed_database\": true, \"enable_ssh\": \"GLOBAL\", "
		"\"gateway\": "
		"\"10.0.0.1\", \"hostname\": \"conf-%d\", \"id\": %d, \"ipv6_address\": null, "
		"\"ipv6_gateway\": null, "
		"\"maintenance_mode\": false, \"maintenance_mode_reason\": \"\", ",
		ADDRESS_OF(i), i % 4 ? "false" : "true", i % 40, i, i + 1);
	buf_printf(b,
		   "\"managed\": false, \"media_priority_weight\": null, \"name\": \"conf-%d\", \"netmask\": "
		   "\"255.255.255.0\", \"node_type\": \"CONFERENCING\", \"resource_uri\": "
		   "\"/api/admin/configuration/v1/worker_vm/%d/\", \"secondary_address\": null, "
		   "\"secondary_netmask\": null, "
		   "\"service_manager\": true, \"service_policy\": true, \"signalling\": true, "
		   "\"snmp_mode\": \"DISABLED\", "
		   "\"ssh_authorized_keys\": [], \"static_nat_address\": \"203.0.%d.%d\", \"static_routes\": "
		   "[], "
		   "\"system_location\": \"/api/admin/configuration/v1/system_location/%d/\", "
		   "\"tls_certificate\": null, "
		   "\"transcoding\": true, \"vm_cpu_count\": 4, \"vm_system_memory\": 4096}",
		   i, i + 1, i >> 8 & 255, i & 255, i % 50 + 1);
}

static void put_status(struct buf *b, int i)
{
	buf_printf(b,
		   "{\"id\": %d, \"configuration_id\": %d, \"name\": \"conf-%d\", \"node_type\": "
		   "\"CONFERENCING\", "
		   "\"system_location\": \"location-%d\", \"version\": \"38 (81234.0.0)\", \"boot_time\": "
		   "\"2025-11-04T08:51:07.330914\", \"last_updated\": \"2026-01-05T09:12:31\", "
		   "\"last_attempted_contact\": \"2026-01-05T09:12:33.104512\", \"deploy_status\": "
		   "\"deploy_succeeded\", "
		   "\"sync_status\": \"SYNCED\", \"upgrade_status\": \"IDLE\", \"maintenance_mode\": false, "
		   "\"maintenance_mode_reason\": \"\", ",
		   i + 1, i + 1, i, i % 50);
	buf_printf(b,
		   "\"max_audio_calls\": 324, \"max_sd_calls\": 39, \"max_hd_calls\": 17, "
		   "\"max_full_hd_calls\": 9, "
		   "\"max_direct_participants\": 500, \"max_media_tokens\": 324, \"media_tokens_used\": %d, "
		   "\"media_load\": "
		   "%d, \"signaling_count\": %d, \"cpu_count\": 8, \"cpu_model\": \"Intel(R) Xeon(R) "
		   "Platinum 8275CL CPU @ "
		   "3.00GHz\", \"cpu_capabilities\": \"AVX512\", \"hypervisor\": \"Amazon EC2\", "
		   "\"total_ram\": 15912000, "
		   "\"resource_uri\": \"/api/admin/status/v1/worker_vm/%d/\"}",
		   i % 324, i % 100, i % 20, i + 1);
}

static void put_shard(struct buf *b, int i)
{
	buf_printf(b,
		   "{\"id\": \"77b0a1de-0fd1-4ac4-8f5f-%012d\", \"conference\": \"Board %d\", \"node\": "
		   "\"" ADDRESS "\", \"system_location\": \"location-%d\", \"service_type\": \"conference\", "
		   "\"is_started\": true, "
		   "\"is_locked\": false, \"guests_muted\": false, \"is_direct\": false, "
		   "\"transcoding_enabled\": true, "
		   "\"start_time\": \"2025-11-04T09:01:44.000000\", \"tag\": \"dept-9\", \"resource_uri\": "
		   "\"/api/admin/status/v1/conference_shard/77b0a1de-0fd1-4ac4-8f5f-%012d/\"}",
		   i, i, ADDRESS_OF(i), i % 50, i);
}

static void put_participant(struct buf *b, int i)
{
	buf_printf(b,
		   "{\"id\": \"0f6f2f0e-7a0a-4b61-8e0d-%012d\", \"call_uuid\": "
		   "\"2c1e7c1a-52c0-4a4b-9f3b-%012d\", "
		   "\"conversation_id\": \"1b0b2f0e-8d0a-4b61-8e0d-%012d\", \"conference\": \"Board %d\", "
		   "\"connect_time\": "
		   "\"2025-11-04T09:01:44.120398\", \"media_node\": \"" ADDRESS
		   "\", \"signalling_node\": \"" ADDRESS
		   "\", \"proxy_node\": \"\", \"system_location\": \"location-%d\", \"protocol\": "
		   "\"WebRTC\", \"role\": "
		   "\"chair\", \"has_media\": true, \"is_streaming\": false, \"is_direct\": false, "
		   "\"is_presenting\": false, ",
		   i, i, i, i / 5, ADDRESS_OF(i % NODES), ADDRESS_OF((i + 7) % NODES), i % 50);
	buf_printf(
		b,
		"\"is_muted\": true, \"is_on_hold\": false, \"transcoding_enabled\": true, "
		"\"license_count\": 1, "
		"\"license_type\": \"port\", \"bandwidth\": 1264, \"rx_bandwidth\": 1264, \"tx_bandwidth\": "
		"null, "
		"\"call_quality\": \"1_good\", \"call_direction\": \"in\", \"service_type\": \"conference\", "
		"\"service_tag\": \"dept-9\", \"vendor\": \"Mozilla/5.0 (X11; Linux x86_64) "
		"AppleWebKit/537.36 (KHTML, like "
		"Gecko) Chrome/130.0.0.0\", \"remote_address\": \"198.51.100.%d\", \"remote_port\": 50172, ",
		i % 250);
	buf_printf(
		b,
		"\"source_alias\": \"user-%d@example.com\", \"destination_alias\": \"board-%d@example.com\", "
		"\"display_name\": \"Zo\\u00eb \\\"%d\\\" Example\", \"encryption\": \"On\", "
		"\"resource_uri\": "
		"\"/api/admin/status/v1/participant/0f6f2f0e-7a0a-4b61-8e0d-%012d/\"}",
		i, i / 5, i, i);
}

/* --- the Management Node ----------------------------------------------------------------------------------------- */

#define STATUS "/api/admin/status/v1/"
#define CONFIG "/api/admin/configuration/v1/"

static const struct list {
	const char *path;
	int objects;
	void (*put)(struct buf *, int i);
} lists[] = {
	{CONFIG "worker_vm/", NODES, put_node},
	{STATUS "worker_vm/", NODES, put_status},
	{STATUS "conference_shard/", SHARDS, put_shard},
	{STATUS "participant/", PARTICIPANTS, put_participant},
};
#define LISTS     (sizeof lists / sizeof *lists)
#define PAGES_MAX (PARTICIPANTS / PAGE)

static struct buf pages[LISTS][PAGES_MAX];

static struct buf make_page(const struct list *l, int page)
{
	struct buf b = BUF_INIT(ANSWER_MAX);
	int from = page * PAGE;

	buf_puts(&b, "{\"meta\": {\"limit\": 500, \"next\": ");
	if (from + PAGE < l->objects)
		buf_printf(&b, "\"%s?limit=500&offset=%d\"", l->path, from + PAGE);
	else
		buf_puts(&b, "null");
	buf_printf(&b, ", \"offset\": %d, \"previous\": null, \"total_count\": %d}, \"objects\": [", from,
		   l->objects);
	for (int i = from; i < from + PAGE && i < l->objects; i++) {
		buf_puts(&b, i == from ? "" : ", ");
		l->put(&b, i);
	}
	buf_puts(&b, "]}");
	if (b.failed)
		bench_fail("a page of %s is too large", l->path);
	return b;
}

static double make_pages(void)
{
	double bytes = 0;

	for (size_t l = 0; l < LISTS; l++)
		for (int page = 0; page * PAGE < lists[l].objects; page++) {
			pages[l][page] = make_page(&lists[l], page);
			bytes += (double)pages[l][page].len;
		}
	return bytes;
}

static const struct buf *page_of(const char *url)
{
	const char *offset = strstr(url, "offset=");

	for (size_t l = 0; l < LISTS; l++)
		if (strstr(url, lists[l].path))
			return &pages[l][offset ? strtol(offset + 7, NULL, 10) / PAGE : 0];
	return NULL;
}

static bool serve(void *self, const struct http_call *call, struct http_answer *ret, struct upstream_error *e)
{
	const struct buf *page = page_of(call->url);
	const char *location = strstr(call->url, "system_location");

	(void)self;
	(void)e;
	*ret = (struct http_answer){
		.status = 200, .body = BUF_INIT(ANSWER_MAX), .content_type = "application/json"};
	if (page) {
		buf_append(&ret->body, page->data, page->len);
	} else if (strstr(call->url, "global/1")) {
		buf_puts(&ret->body, "{\"bursting_enabled\": false}");
	} else {
		buf_printf(&ret->body,
			   "{\"meta\": {\"limit\": 500, \"next\": null, \"total_count\": %d}, \"objects\": [",
			   location ? 50 : 0);
		for (int i = 0; location && i < 50; i++)
			buf_printf(&ret->body,
				   "%s{\"id\": %d, \"name\": \"location-%d\", \"overflow_location1\": null, "
				   "\"overflow_location2\": null}",
				   i ? ", " : "", i + 1, i);
		buf_puts(&ret->body, "]}");
	}
	return true;
}

/* --- the readers; each returns ms -------------------------------------------------------------------------------- */

static double read_ours(struct infinity_client *client)
{
	struct infinity_report *report;
	struct upstream_error e;
	double before = thread_cpu_us(), took;

	if (!infinity_observe(client, true, &report, &e))
		bench_fail("our reader: %s", e.message);
	took = thread_cpu_us() - before;
	if (report->n_nodes != NODES || !report->whole)
		bench_fail("our reader found %zu nodes", report->n_nodes);
	infinity_report_free(report);
	return took / 1000;
}

static double read_jansson(void)
{
	double before = thread_cpu_us();

	for (size_t l = 0; l < LISTS; l++)
		for (int page = 0; page * PAGE < lists[l].objects; page++) {
			json_t *root =
				json_loadb(pages[l][page].data, pages[l][page].len, JSON_ALLOW_NUL, NULL);

			if (!root)
				bench_fail("jansson cannot read a page");
			json_decref(root);
		}
	return (thread_cpu_us() - before) / 1000;
}

int main(void)
{
	static struct samples ours, jansson;
	const struct infinity_client_options o = {.url = "http://127.0.0.1:1",
						  .user = "u",
						  .password = "p",
						  .transport = {.perform = serve},
						  .clock = &clock_system,
						  .time_scale = 1};
	struct upstream_error e;
	struct infinity_client *client = infinity_client_new(&o, &e);
	double bytes = make_pages();
	struct samples ratio;

	if (!client)
		bench_fail("the client: %s", e.message);
	for (int i = 0; i < ROUNDS; i++) {
		sample(&ours, read_ours(client));
		sample(&jansson, read_jansson());
	}
	table_section("A read of Infinity: %d nodes, %d participants, %.1f MB of JSON", NODES, PARTICIPANTS,
		      bytes / 1e6);
	table_row("burstd, to a report", &ours, "ms");
	table_row("jansson's trees of the same bytes", &jansson, "ms");
	ratio = samples_ratio(&ours, &jansson);
	table_row("burstd / jansson", &ratio, "");
	infinity_client_free(client);
	for (size_t l = 0; l < LISTS; l++)
		for (size_t page = 0; page < PAGES_MAX; page++)
			buf_free(&pages[l][page]);
	return 0;
}
