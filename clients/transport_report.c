/*
 * Owns the words of the transport's failures: what happened and what an operator can do about it. Words of libcurl and
 * OpenSSL come in where they say more; addresses never bring a password along (exchange.host).
 */
#include "clients/transport_internal.h"

#include <ctype.h>
#include <errno.h>
#include <openssl/x509_vfy.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#define PROXY_REMEDY  "check the proxy settings of this process (HTTPS_PROXY, NO_PROXY)"
#define RESET_REMEDY  "check the server and what stands before it"
#define RESET_MESSAGE "the connection was closed before the whole answer had arrived"

static bool connected(const struct exchange *x)
{
	curl_off_t time = 0;

	curl_easy_getinfo(x->t->easy, CURLINFO_CONNECT_TIME_T, &time);
	return time > 0;
}

const char *transport_slug(const struct curl_transport *t, const char *what, char out[TRANSPORT_ISSUE_SIZE])
{
	(void)snprintf(out, TRANSPORT_ISSUE_SIZE, "%s_%s", t->name, what);
	return out;
}

void transport_report(const struct exchange *x, struct upstream_error *e, enum upstream_class class,
		      const char *code, const char *what, const char *remedy, const char *message)
{
	char issue[TRANSPORT_ISSUE_SIZE];

	upstream_error_set(e, class, 0, code, transport_slug(x->t, what, issue), remedy, "%s: %s", x->host,
			   message);
}

void transport_refuse(const struct exchange *x, struct upstream_error *e, const char *message)
{
	transport_report(x, e, UPSTREAM_BUG, "bad_call", "request", "report this to the makers of burstd",
			 message);
}

/* The environment variables of the configuration: BURSTD_INFINITY_CA_FILE, ... */
static void tls_remedy(const struct curl_transport *t, bool with_pin, char *out, size_t size)
{
	char upper[32];
	size_t i;

	for (i = 0; t->name[i] && i < sizeof(upper) - 1; i++)
		upper[i] = (char)toupper((unsigned char)t->name[i]);
	upper[i] = '\0';
	if (strcmp(t->name, "infinity") != 0)
		(void)snprintf(out, size,
			       "check the machine's store of certificate authorities, its clock, and whether "
			       "a proxy "
			       "opens its TLS connections");
	else if (with_pin && t->seen_key[0])
		(void)snprintf(out, size,
			       "set BURSTD_%s_CA_FILE or BURSTD_%s_PINNED_KEY (its present key is %s: "
			       "compare it on the "
			       "server itself)",
			       upper, upper, t->seen_key);
	else
		(void)snprintf(out, size, "set BURSTD_%s_CA_FILE or BURSTD_%s_PINNED_KEY", upper, upper);
}

static void report_tls(const struct exchange *x, struct upstream_error *e)
{
	const struct curl_transport *t = x->t;
	char remedy[300];
	char message[CURL_ERROR_SIZE + 64];

	tls_remedy(t, true, remedy, sizeof(remedy));
	switch (t->verify_error) {
	case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT:
	case X509_V_ERR_SELF_SIGNED_CERT_IN_CHAIN:
		(void)snprintf(message, sizeof(message), "certificate is self-signed and not pinned");
		break;
	case 0:
		(void)snprintf(message, sizeof(message), "TLS failed: %s", t->curl_words);
		break;
	default:
		(void)snprintf(message, sizeof(message), "certificate is not trusted: %s",
			       X509_verify_cert_error_string(t->verify_error));
	}
	transport_report(x, e, UPSTREAM_OPERATOR, "tls", "tls", remedy, message);
}

static void report_pin(const struct exchange *x, struct upstream_error *e)
{
	char remedy[300];

	tls_remedy(x->t, true, remedy, sizeof(remedy));
	transport_report(
		x, e, UPSTREAM_OPERATOR, "tls_pin", "tls", remedy,
		"the server shows another key than the pinned one: its certificate was replaced, or this is "
		"not the "
		"server");
}

static void report_timeout(const struct exchange *x, struct upstream_error *e)
{
	curl_off_t secured = 0;
	bool https = strncasecmp(x->call->url, "https:", 6) == 0;
	const char *message = "no answer within the time allowed";

	curl_easy_getinfo(x->t->easy, CURLINFO_APPCONNECT_TIME_T, &secured);
	if (!connected(x))
		message = "no connection within the time allowed";
	else if (https && secured == 0)
		message = "connected, but the TLS handshake did not finish in time";
	transport_report(x, e, UPSTREAM_RETRY, "timeout", "timeout",
			 "check the load of the server, and the network and firewalls on the way to it",
			 message);
}

static void report_connect(const struct exchange *x, struct upstream_error *e)
{
	long os_error = 0;
	char message[CURL_ERROR_SIZE + 32];

	curl_easy_getinfo(x->t->easy, CURLINFO_OS_ERRNO, &os_error);
	if (os_error == ECONNREFUSED)
		transport_report(x, e, UPSTREAM_RETRY, "refused", "unreachable",
				 "check that the server is up and the port is right", "connection refused");
	else if (os_error == ETIMEDOUT)
		report_timeout(x, e);
	else {
		(void)snprintf(message, sizeof(message), "cannot connect: %s", x->t->curl_words);
		transport_report(
			x, e, UPSTREAM_RETRY, "unreachable", "unreachable",
			"check the network between this machine and the server: routes, firewalls, security "
			"groups",
			message);
	}
}

void transport_report_too_large(const struct exchange *x, struct upstream_error *e)
{
	char message[100];

	(void)snprintf(message, sizeof(message), "the answer is larger than %zu bytes",
		       x->call->answer_max ? x->call->answer_max : (size_t)DEFAULT_ANSWER_MAX);
	transport_report(x, e, UPSTREAM_RETRY, "answer_too_large", "answer",
			 "check that the address is that of the right server", message);
}

static void report_not_http(const struct exchange *x, struct upstream_error *e)
{
	transport_report(x, e, UPSTREAM_RETRY, "not_http", "answer",
			 "check that the address and the port are those of the server",
			 "what answers there does not speak HTTP");
}

static void report_url(const struct exchange *x, struct upstream_error *e)
{
	transport_report(x, e, UPSTREAM_OPERATOR, "url", "unreachable",
			 "correct the address in the configuration", "not an http or https address");
}

static void report_other(const struct exchange *x, CURLcode code, struct upstream_error *e)
{
	char message[CURL_ERROR_SIZE + 64];

	(void)snprintf(message, sizeof(message), "exchange failed: %s",
		       x->t->curl_words[0] ? x->t->curl_words : curl_easy_strerror(code));
	transport_report(x, e, UPSTREAM_RETRY, "failed", "unreachable", "check the network and the server",
			 message);
}

/* Codes whose words do not depend on the exchange; all of them are worth a retry. */
static const struct {
	CURLcode curl;
	const char *code;
	const char *remedy;
	const char *message;
} plain[] = {
	{CURLE_COULDNT_RESOLVE_HOST, "dns", "check the name, and the DNS servers of this machine",
	 "the host name cannot be resolved"},
	{CURLE_COULDNT_RESOLVE_PROXY, "proxy", PROXY_REMEDY, "the name of the proxy cannot be resolved"},
	{CURLE_PROXY, "proxy", PROXY_REMEDY, "the proxy cannot be used"},
	{CURLE_GOT_NOTHING, "reset", RESET_REMEDY, RESET_MESSAGE},
	{CURLE_RECV_ERROR, "reset", RESET_REMEDY, RESET_MESSAGE},
	{CURLE_SEND_ERROR, "reset", RESET_REMEDY, RESET_MESSAGE},
	{CURLE_PARTIAL_FILE, "reset", RESET_REMEDY, RESET_MESSAGE},
};

static void report_plain(const struct exchange *x, CURLcode code, struct upstream_error *e)
{
	for (size_t i = 0; i < ARRAY_LEN(plain); i++) {
		if (plain[i].curl != code)
			continue;
		transport_report(x, e, UPSTREAM_RETRY, plain[i].code, "unreachable", plain[i].remedy,
				 plain[i].message);
		return;
	}
	report_other(x, code, e);
}

void transport_report_curl(const struct exchange *x, CURLcode code, struct upstream_error *e)
{
	switch (code) {
	case CURLE_COULDNT_CONNECT:
		report_connect(x, e);
		return;
	case CURLE_OPERATION_TIMEDOUT:
		report_timeout(x, e);
		return;
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
	case CURLE_SSL_CERTPROBLEM:
	case CURLE_SSL_CIPHER:
	case CURLE_SSL_ISSUER_ERROR:
	case CURLE_SSL_CACERT_BADFILE:
		report_tls(x, e);
		return;
	case CURLE_SSL_PINNEDPUBKEYNOTMATCH:
		report_pin(x, e);
		return;
	case CURLE_FILESIZE_EXCEEDED:
		transport_report_too_large(x, e);
		return;
	case CURLE_WEIRD_SERVER_REPLY:
		report_not_http(x, e);
		return;
	case CURLE_URL_MALFORMAT:
	case CURLE_UNSUPPORTED_PROTOCOL:
		if (connected(x)) /* HTTP/0.9, as libcurl takes anything without a head for */
			report_not_http(x, e);
		else
			report_url(x, e);
		return;
	default:
		report_plain(x, code, e);
	}
}
