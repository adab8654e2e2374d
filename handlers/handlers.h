/* One function per operation of openapi.yaml, and the table that ties them together. All run on HTTP threads. */
#ifndef BURSTD_HANDLERS_HANDLERS_H
#define BURSTD_HANDLERS_HANDLERS_H

#include "server/http.h"

/* Every operation there is; lives as long as the process. */
struct route_table handlers_routes(void);

/* status.c */
struct done *status_get(struct req *);
/* locations.c */
struct done *location_list(struct req *);
struct done *location_get(struct req *);
/* location_changes.c */
struct done *location_patch(struct req *);
/* location_lifecycle.c */
struct done *location_create(struct req *);
struct done *location_delete(struct req *);
/* nodes.c */
struct done *node_list(struct req *);
struct done *node_get(struct req *);
struct done *node_patch(struct req *);
/* node_actions.c */
struct done *node_start(struct req *);
struct done *node_stop(struct req *);
/* deploy.c */
struct done *node_deploy(struct req *);
/* deploy_management.c */
struct done *management_node_deploy(struct req *);
/* platform.c */
struct done *platform_configure(struct req *);
/* lifecycle_nodes.c */
struct done *node_remove(struct req *);
struct done *node_reinstate(struct req *);
struct done *node_convert(struct req *);
struct done *node_resize(struct req *);
struct done *node_enable_ena(struct req *);
struct done *node_assign_address(struct req *);
/* operation_moves.c */
struct done *operation_resume(struct req *);
/* operations.c */
struct done *operation_list(struct req *);
struct done *operation_get(struct req *);
struct done *operation_cancel(struct req *);
/* bursting.c */
struct done *bursting_get(struct req *);
struct done *bursting_patch(struct req *);
/* bursting_sync.c */
struct done *bursting_infinity_get(struct req *);
struct done *bursting_pull(struct req *);
struct done *bursting_push(struct req *);
/* history.c */
struct done *history_list(struct req *);
/* events.c */
struct done *event_stream(struct req *);
/* decisions.c */
struct done *decision_list(struct req *);
struct done *decision_get(struct req *);
/* samples.c */
struct done *sample_list(struct req *);
/* holds.c */
struct done *hold_list(struct req *);
struct done *hold_create(struct req *);
struct done *hold_get(struct req *);
struct done *hold_delete(struct req *);
/* schedules.c */
struct done *schedule_list(struct req *);
struct done *schedule_create(struct req *);
struct done *schedule_get(struct req *);
struct done *schedule_patch(struct req *);
struct done *schedule_delete(struct req *);
struct done *schedule_preview(struct req *);
/* tokens.c */
struct done *token_list(struct req *);
struct done *token_create(struct req *);
struct done *token_get(struct req *);
struct done *token_delete(struct req *);
/* event_sink.c */
struct done *events_receive(struct req *);
/* compat_status.c */
struct done *compat_node_list(struct req *);
struct done *compat_node_get(struct req *);
struct done *compat_monitored_list(struct req *);
struct done *compat_monitored_get(struct req *);
struct done *compat_overflow_list(struct req *);
struct done *compat_overflow_get(struct req *);
/* compat_history.c */
struct done *compat_event_list(struct req *);
struct done *compat_event_get(struct req *);
/* compat_start.c */
struct done *compat_start(struct req *);
/* checks.c */
struct done *check_list(struct req *);
struct done *check_refresh(struct req *);
struct done *acknowledgement_list(struct req *);
struct done *acknowledgement_create(struct req *);
struct done *acknowledgement_get(struct req *);
struct done *acknowledgement_delete(struct req *);
/* aws.c */
struct done *iam_policy_get(struct req *);
struct done *security_group_get(struct req *);
/* aws_group.c */
struct done *security_group_make(struct req *);
/* health.c */
struct done *health_get(struct req *);
struct done *ready_get(struct req *);
/* metrics.c */
struct done *metrics_get(struct req *);
/* contract.c */
struct done *contract_get(struct req *);
/* contract_json.c */
struct done *contract_json_get(struct req *);
/* docs.c: the page and each of its files, by the path of the route */
struct done *docs_get(struct req *);
/* dashboard.c */
struct done *dashboard_get(struct req *);
struct done *dashboard_file_get(struct req *);

#endif
