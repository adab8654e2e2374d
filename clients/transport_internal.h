/* Shared by transport.c and transport_report.c only: the state of the transport, and the words of its failures. */
#ifndef BURSTD_CLIENTS_TRANSPORT_INTERNAL_H
#define BURSTD_CLIENTS_TRANSPORT_INTERNAL_H

#include <curl/curl.h>
#include <stdatomic.h>

#include "clients/transport.h"

#define DEFAULT_ANSWER_MAX (1024u * 1024)
#define KEY_PIN_SIZE       64 /* "sha256//" + 44 base64 characters */

struct curl_transport {
	CURL *easy;
	CURLM *multi;
	char *name;
	char *ca_file;
	char *pinned_key;
	bool unverified;
	long timeout_ms;
	atomic_bool interrupted;
	char curl_words[CURL_ERROR_SIZE];
	char seen_key[KEY_PIN_SIZE]; /* of the last certificate that was looked at; "" = none */
	int verify_error;            /* X509_V_ERR_..., 0 = none */
};

/* What one exchange works with. */
struct exchange {
	struct curl_transport *t;
	const struct http_call *call;
	struct curl_slist *headers;
	char host[256];
};

#define TRANSPORT_ISSUE_SIZE 49
/* The issue's slug, "<name>_<what>"; returns `out`. */
const char *transport_slug(const struct curl_transport *, const char *what, char out[TRANSPORT_ISSUE_SIZE]);

/* Fills `e`; the message begins with the host. */
void transport_report(const struct exchange *, struct upstream_error *e, enum upstream_class,
		      const char *code, const char *what, const char *remedy, const char *message);
/* A call that must not be made: a fault of ours. */
void transport_refuse(const struct exchange *, struct upstream_error *e, const char *message);
void transport_report_too_large(const struct exchange *, struct upstream_error *e);
/* Sorts libcurl's code of a failed exchange. */
void transport_report_curl(const struct exchange *, CURLcode, struct upstream_error *e);

#endif
