/* Every limit on what comes from outside, in one place, each with its reason. */
#ifndef BURSTD_BASE_LIMITS_H
#define BURSTD_BASE_LIMITS_H

/* Our own API */
#define LIMIT_BODY_BYTES (64 * 1024) /* the largest body of this API is a hold with 500 nodes */
#define LIMIT_EVENTS_BYTES                                                                                   \
	(4 * 1024 * 1024) /* one post of an event sink: about 4,000 events with all their fields */
#define LIMIT_SWALLOW_BYTES                                                                                  \
	(16 * 1024 * 1024) /* a refused body is still read up to here, so that the refusal arrives */
#define LIMIT_FINISH_MS                                                                                      \
	2000 /* at the end of the process, requests whose headers have arrived get this long */
#define LIMIT_URL_BYTES        4096       /* a cursor and every filter fit in 1 KiB */
#define LIMIT_JSON_DEPTH       8          /* our deepest request has 3 levels */
#define LIMIT_PAGE_ITEMS       500        /* what one page may hold */
#define LIMIT_REASON_BYTES     250        /* Infinity's maintenance_mode_reason holds 250 */
#define LIMIT_SCHEDULES        1000       /* the controller looks at all of them in one pass */
#define LIMIT_CONNECTION_BYTES (8 * 1024) /* libmicrohttpd's pool per connection: 10 kB instead of 22 kB */
#define LIMIT_CONNECTIONS      4096
#define LIMIT_IDLE_SECONDS                                                                                   \
	30 /* a silent client holds a connection no longer; the default of client_idle_seconds */
#define LIMIT_ADDRESS_CONNECTIONS                                                                            \
	256 /* of one address, where addresses tell clients apart: a browser holds 6, a NAT some dozens */
#define LIMIT_LISTENERS                                                                                      \
	1000 /* of /v1/events: each is a connection and about 20 kB, and most connections are for requests */
#define LIMIT_LISTENER_SOCKET (32 * 1024) /* what the kernel may hold for one; else it is up to 4 MB */

#define LIMIT_STEP_MS                                                                                        \
	60000 /* a thread that takes longer for one request or one look hangs: the store's own patience is over in seconds */

/* Infinity */
#define LIMIT_INFINITY_PAGE         500 /* asked for; the answer's own meta.limit is what counts */
#define LIMIT_INFINITY_PAGES        200 /* 100,000 objects: more is a loop, not a platform */
#define LIMIT_INFINITY_ANSWER_BYTES (16 * 1024 * 1024) /* 500 participants are about 500 kB */
#define LIMIT_UPSTREAM_JSON_DEPTH   32
#define LIMIT_BOOTSTRAP_BYTES                                                                                \
	(1024 * 1024) /* a new node's configuration document: keys, certificates and settings in XML */

/* EC2 */
#define LIMIT_EC2_ANSWER_BYTES  (64 * 1024 * 1024) /* 10,000 instances in one page are 50 MB */
#define LIMIT_EC2_DEPTH         32                 /* DescribeInstances is 9 deep */
#define LIMIT_EC2_TEXT_BYTES    8191 /* one element's text; a session token of STS has thousands */
#define LIMIT_EC2_PAGES         1000
#define LIMIT_EC2_FILTER_VALUES 200 /* EC2: values per filter */

#define LIMIT_PICTURE_BYTES (512u * 1024 * 1024)
#define LIMIT_REPORT_BYTES  (256u * 1024 * 1024)

#endif
