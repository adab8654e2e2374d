/*
 * The route table: everything that the server answers, and nothing else. A new endpoint is a row here, its function in
 * handlers.h, and its operation in openapi/openapi.yaml; tests hold the three together.
 */
#include "base/limits.h"
#include "handlers/compat.h"
#include "handlers/handlers.h"
#include "handlers/history.h"

#define SMALL_BODY   4096 /* a reason and a flag */
#define COMPAT_NAMED " id name name__icontains"

static const char *const history_exports[] = {HISTORY_CSV, HISTORY_NDJSON, NULL};
static const char *const dashboard_media[] = {"text/css", "image/svg+xml", NULL};

/* clang-format off */
static const struct route rows[] = {
	{.method = "GET", .path = "/v1/status", .operation = "getStatus", .role = TOKEN_VIEWER, .handler = status_get},

	{.method = "GET", .path = "/v1/locations", .operation = "listLocations", .role = TOKEN_VIEWER,
	 .query = "limit cursor kind", .handler = location_list},
	{.method = "POST", .path = "/v1/locations", .operation = "createLocation", .role = TOKEN_OPERATOR,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = location_create},
	{.method = "GET", .path = "/v1/locations/{id}", .operation = "getLocation", .role = TOKEN_VIEWER,
	 .handler = location_get},
	{.method = "PATCH", .path = "/v1/locations/{id}", .operation = "updateLocation", .role = TOKEN_OPERATOR,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = location_patch},
	{.method = "DELETE", .path = "/v1/locations/{id}", .operation = "deleteLocation", .role = TOKEN_OPERATOR,
	 .query = "dry_run", .handler = location_delete},

	{.method = "GET", .path = "/v1/nodes", .operation = "listNodes", .role = TOKEN_VIEWER,
	 .query = "limit cursor location phase bursting", .handler = node_list},
	{.method = "GET", .path = "/v1/nodes/{id}", .operation = "getNode", .role = TOKEN_VIEWER, .handler = node_get},
	{.method = "PATCH", .path = "/v1/nodes/{id}", .operation = "updateNode", .role = TOKEN_OPERATOR,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = node_patch},
	{.method = "POST", .path = "/v1/nodes/{id}/start", .operation = "startNode", .role = TOKEN_OPERATOR,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = node_start},
	{.method = "POST", .path = "/v1/nodes/{id}/stop", .operation = "stopNode", .role = TOKEN_OPERATOR,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = node_stop},
	{.method = "POST", .path = "/v1/nodes", .operation = "deployNode", .role = TOKEN_ADMIN,
	 .body_limit = LIMIT_BODY_BYTES, .query = "dry_run", .handler = node_deploy},
	{.method = "DELETE", .path = "/v1/nodes/{id}", .operation = "removeNode", .role = TOKEN_ADMIN,
	 .query = "dry_run force release_address", .handler = node_remove},
	{.method = "POST", .path = "/v1/nodes/{id}/reinstate", .operation = "reinstateNode", .role = TOKEN_OPERATOR,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = node_reinstate},
	{.method = "POST", .path = "/v1/nodes/{id}/convert", .operation = "convertNode", .role = TOKEN_ADMIN,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = node_convert},
	{.method = "POST", .path = "/v1/nodes/{id}/resize", .operation = "resizeNode", .role = TOKEN_ADMIN,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = node_resize},
	{.method = "POST", .path = "/v1/nodes/{id}/enable-ena", .operation = "enableNodeEna", .role = TOKEN_ADMIN,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = node_enable_ena},
	{.method = "POST", .path = "/v1/nodes/{id}/assign-address", .operation = "assignNodeAddress",
	 .role = TOKEN_OPERATOR, .body_limit = SMALL_BODY, .query = "dry_run", .handler = node_assign_address},
	{.method = "POST", .path = "/v1/management-nodes", .operation = "deployManagementNode", .role = TOKEN_ADMIN,
	 .body_limit = LIMIT_BODY_BYTES, .query = "dry_run", .handler = management_node_deploy},
	{.method = "POST", .path = "/v1/platform", .operation = "configurePlatform", .role = TOKEN_ADMIN,
	 .body_limit = LIMIT_BODY_BYTES, .query = "dry_run", .handler = platform_configure},

	{.method = "GET", .path = "/v1/operations", .operation = "listOperations", .role = TOKEN_VIEWER,
	 .query = "limit cursor node open", .handler = operation_list},
	{.method = "GET", .path = "/v1/operations/{id}", .operation = "getOperation", .role = TOKEN_VIEWER,
	 .handler = operation_get},
	{.method = "POST", .path = "/v1/operations/{id}/cancel", .operation = "cancelOperation", .role = TOKEN_OPERATOR,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = operation_cancel},
	{.method = "POST", .path = "/v1/operations/{id}/resume", .operation = "resumeOperation", .role = TOKEN_OPERATOR,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = operation_resume},

	{.method = "GET", .path = "/v1/bursting", .operation = "getBursting", .role = TOKEN_VIEWER,
	 .handler = bursting_get},
	{.method = "PATCH", .path = "/v1/bursting", .operation = "updateBursting", .role = TOKEN_ADMIN,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = bursting_patch},
	{.method = "GET", .path = "/v1/bursting/infinity", .operation = "getInfinityBursting", .role = TOKEN_VIEWER,
	 .handler = bursting_infinity_get},
	{.method = "POST", .path = "/v1/bursting/pull", .operation = "pullBursting", .role = TOKEN_ADMIN,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = bursting_pull},
	{.method = "POST", .path = "/v1/bursting/push", .operation = "pushBursting", .role = TOKEN_ADMIN,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = bursting_push},

	{.method = "GET", .path = "/v1/history", .operation = "listHistory", .role = TOKEN_VIEWER,
	 .query = "limit cursor node location type actor since until", .also = history_exports,
	 .handler = history_list},

	{.method = "GET", .path = "/v1/events", .operation = "followEvents", .role = TOKEN_VIEWER, .query = "last_event_id",
	 .media = "text/event-stream", .handler = event_stream},

	{.method = "GET", .path = "/v1/decisions", .operation = "listDecisions", .role = TOKEN_VIEWER,
	 .query = "limit cursor location", .handler = decision_list},
	{.method = "GET", .path = "/v1/decisions/{id}", .operation = "getDecision", .role = TOKEN_VIEWER,
	 .handler = decision_get},

	{.method = "GET", .path = "/v1/samples", .operation = "listSamples", .role = TOKEN_VIEWER,
	 .query = "limit cursor location since until resolution", .handler = sample_list},

	{.method = "GET", .path = "/v1/holds", .operation = "listHolds", .role = TOKEN_VIEWER,
	 .query = "limit cursor ended", .handler = hold_list},
	{.method = "POST", .path = "/v1/holds", .operation = "createHold", .role = TOKEN_OPERATOR,
	 .body_limit = LIMIT_BODY_BYTES, .query = "dry_run", .handler = hold_create},
	{.method = "GET", .path = "/v1/holds/{id}", .operation = "getHold", .role = TOKEN_VIEWER, .handler = hold_get},
	{.method = "DELETE", .path = "/v1/holds/{id}", .operation = "deleteHold", .role = TOKEN_OPERATOR,
	 .query = "dry_run", .handler = hold_delete},

	{.method = "GET", .path = "/v1/schedules", .operation = "listSchedules", .role = TOKEN_VIEWER,
	 .query = "limit cursor", .handler = schedule_list},
	{.method = "POST", .path = "/v1/schedules", .operation = "createSchedule", .role = TOKEN_OPERATOR,
	 .body_limit = LIMIT_BODY_BYTES, .query = "dry_run", .handler = schedule_create},
	{.method = "GET", .path = "/v1/schedules/{id}", .operation = "getSchedule", .role = TOKEN_VIEWER,
	 .handler = schedule_get},
	{.method = "PATCH", .path = "/v1/schedules/{id}", .operation = "updateSchedule", .role = TOKEN_OPERATOR,
	 .body_limit = LIMIT_BODY_BYTES, .query = "dry_run", .handler = schedule_patch},
	{.method = "DELETE", .path = "/v1/schedules/{id}", .operation = "deleteSchedule", .role = TOKEN_OPERATOR,
	 .query = "dry_run", .handler = schedule_delete},
	{.method = "GET", .path = "/v1/schedules/{id}/preview", .operation = "previewSchedule", .role = TOKEN_VIEWER,
	 .query = "count from", .handler = schedule_preview},

	{.method = "GET", .path = "/v1/tokens", .operation = "listTokens", .role = TOKEN_ADMIN,
	 .query = "limit cursor revoked", .handler = token_list},
	{.method = "POST", .path = "/v1/tokens", .operation = "createToken", .role = TOKEN_ADMIN,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = token_create},
	{.method = "GET", .path = "/v1/tokens/{id}", .operation = "getToken", .role = TOKEN_ADMIN, .handler = token_get},
	{.method = "DELETE", .path = "/v1/tokens/{id}", .operation = "deleteToken", .role = TOKEN_ADMIN,
	 .query = "dry_run", .handler = token_delete},

	{.method = "POST", .path = "/event-sink", .operation = "receiveEvents", .role = TOKEN_VIEWER, .basic = true,
	 .body_limit = LIMIT_EVENTS_BYTES, .foreign = true, .handler = events_receive},

	{.method = "GET", .path = COMPAT_STATUS "cloud_node/", .operation = "listCloudNodes", .role = TOKEN_VIEWER,
	 .basic = true, .query = COMPAT_QUERY " cloud_instance_id cloud_instance_name cloud_instance_ip "
	 "cloud_instance_state workervm_configuration_id workervm_configuration_name "
	 "workervm_configuration_location_name", .handler = compat_node_list},
	{.method = "GET", .path = COMPAT_STATUS "cloud_node/{instance}/", .operation = "getCloudNode",
	 .role = TOKEN_VIEWER, .basic = true, .query = "format", .handler = compat_node_get},
	{.method = "GET", .path = COMPAT_STATUS "cloud_monitored_location/", .operation = "listCloudMonitoredLocations",
	 .role = TOKEN_VIEWER, .basic = true, .query = COMPAT_QUERY COMPAT_NAMED, .handler = compat_monitored_list},
	{.method = "GET", .path = COMPAT_STATUS "cloud_monitored_location/{id}/",
	 .operation = "getCloudMonitoredLocation", .role = TOKEN_VIEWER, .basic = true, .query = "format",
	 .handler = compat_monitored_get},
	{.method = "GET", .path = COMPAT_STATUS "cloud_overflow_location/", .operation = "listCloudOverflowLocations",
	 .role = TOKEN_VIEWER, .basic = true, .query = COMPAT_QUERY COMPAT_NAMED, .handler = compat_overflow_list},
	{.method = "GET", .path = COMPAT_STATUS "cloud_overflow_location/{id}/", .operation = "getCloudOverflowLocation",
	 .role = TOKEN_VIEWER, .basic = true, .query = "format", .handler = compat_overflow_get},
	{.method = "GET", .path = COMPAT_HISTORY "workervm_status_event/", .operation = "listWorkerVmStatusEvents",
	 .role = TOKEN_VIEWER, .basic = true, .query = COMPAT_QUERY " event_type workervm_configuration_id "
	 "workervm_configuration_name name__icontains time_changed__gte time_changed__lt start_time__gte end_time__lt",
	 .handler = compat_event_list},
	{.method = "GET", .path = COMPAT_HISTORY "workervm_status_event/{id}/", .operation = "getWorkerVmStatusEvent",
	 .role = TOKEN_VIEWER, .basic = true, .query = "format", .handler = compat_event_get},
	{.method = "POST", .path = "/api/admin/command/v1/platform/start_cloudnode/", .operation = "startCloudNode",
	 .role = TOKEN_OPERATOR, .basic = true, .body_limit = SMALL_BODY, .handler = compat_start},

	{.method = "GET", .path = "/v1/checks", .operation = "listChecks", .role = TOKEN_VIEWER,
	 .query = "limit cursor severity id subject acknowledged", .handler = check_list},
	{.method = "POST", .path = "/v1/checks/refresh", .operation = "refreshChecks", .role = TOKEN_OPERATOR,
	 .query = "dry_run", .handler = check_refresh},
	{.method = "GET", .path = "/v1/acknowledgements", .operation = "listAcknowledgements", .role = TOKEN_VIEWER,
	 .query = "limit cursor expired", .handler = acknowledgement_list},
	{.method = "POST", .path = "/v1/acknowledgements", .operation = "createAcknowledgement", .role = TOKEN_OPERATOR,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = acknowledgement_create},
	{.method = "GET", .path = "/v1/acknowledgements/{id}", .operation = "getAcknowledgement", .role = TOKEN_VIEWER,
	 .handler = acknowledgement_get},
	{.method = "DELETE", .path = "/v1/acknowledgements/{id}", .operation = "deleteAcknowledgement",
	 .role = TOKEN_OPERATOR, .query = "dry_run", .handler = acknowledgement_delete},

	{.method = "GET", .path = "/v1/aws/iam-policy", .operation = "getIamPolicy", .role = TOKEN_VIEWER,
	 .query = "scope partition", .handler = iam_policy_get},
	{.method = "GET", .path = "/v1/aws/security-group", .operation = "getSecurityGroup", .role = TOKEN_VIEWER,
	 .query = "management_cidr", .handler = security_group_get},
	{.method = "POST", .path = "/v1/aws/security-group", .operation = "makeSecurityGroup", .role = TOKEN_ADMIN,
	 .body_limit = SMALL_BODY, .query = "dry_run", .handler = security_group_make},

	{.method = "GET", .path = "/healthz", .operation = "getHealth", .role = TOKEN_NONE, .handler = health_get},
	{.method = "GET", .path = "/readyz", .operation = "getReady", .role = TOKEN_NONE, .handler = ready_get},
	{.method = "GET", .path = "/metrics", .operation = "getMetrics", .role = TOKEN_VIEWER, .media = "text/plain",
	 .handler = metrics_get},
	{.method = "GET", .path = "/openapi.yaml", .operation = "getContract", .role = TOKEN_VIEWER,
	 .media = "application/yaml", .handler = contract_get},
	{.method = "GET", .path = "/openapi.json", .operation = "getContractJson", .role = TOKEN_VIEWER,
	 .handler = contract_json_get},
	{.method = "GET", .path = "/", .operation = "getDashboard", .role = TOKEN_NONE, .media = "text/html",
	 .handler = dashboard_get},
	{.method = "GET", .path = "/ui/{file}", .operation = "getDashboardFile", .role = TOKEN_NONE,
	 .media = "text/javascript", .also = dashboard_media, .handler = dashboard_file_get},
	{.method = "GET", .path = "/docs", .operation = "getDocs", .role = TOKEN_NONE, .media = "text/html",
	 .handler = docs_get},
	{.method = "GET", .path = "/docs/docs.js", .operation = "getDocsScript", .role = TOKEN_NONE, .media = "text/javascript",
	 .handler = docs_get},
	{.method = "GET", .path = "/docs/docs.css", .operation = "getDocsStyle", .role = TOKEN_NONE, .media = "text/css",
	 .handler = docs_get},
	{.method = "GET", .path = "/docs/swagger-ui.js", .operation = "getDocsRenderer", .role = TOKEN_NONE, .media = "text/javascript",
	 .handler = docs_get},
	{.method = "GET", .path = "/docs/swagger-ui.css", .operation = "getDocsRendererStyle", .role = TOKEN_NONE, .media = "text/css",
	 .handler = docs_get},
};
/* clang-format on */

struct route_table handlers_routes(void)
{
	return (struct route_table){.rows = rows, .n = ARRAY_LEN(rows)};
}
