/*
 * The certificate and key that the HTTP server shows, and their renewal while it runs.
 *
 * Made before threads; tls_reload from the main thread, tls_choose from libmicrohttpd's. A pair that was shown once is kept
 * until tls_free, because a handshake under way may still use it: some kilobytes for each certificate that really changed.
 */
#ifndef BURSTD_SERVER_TLS_H
#define BURSTD_SERVER_TLS_H

#include <gnutls/abstract.h>
#include <gnutls/gnutls.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "server/config.h"

/* TLS 1.2 and 1.3, authenticated ciphers and forward secrecy only. */
#define TLS_PRIORITIES                                                                                       \
	"NORMAL:-VERS-ALL:+VERS-TLS1.3:+VERS-TLS1.2:-RSA:-CIPHER-ALL:+AES-256-GCM:+AES-128-GCM:"             \
	"+CHACHA20-POLY1305:%SERVER_PRECEDENCE"

struct tls;

/*
 * Reads tls_cert and tls_key. *ret stays NULL where neither is set. ERR_BAD_REQUEST, with the variable at fault in `e`, where
 * only one is, where one cannot be read or used, where others may read the key, or where they do not belong together.
 */
enum err tls_load(const struct config *, struct tls **ret, struct error *e);
/* Reads both files again; on failure the present pair stays. */
enum err tls_reload(struct tls *, struct error *e);
void tls_free(struct tls *); /* NULL is fine */
DEFINE_FREEP(struct tls, tls_free)

/* When the certificate ends, wall clock in milliseconds. */
int64_t tls_expires_at(struct tls *);

struct tls_shown {
	gnutls_pcert_st *chain; /* borrowed until tls_free */
	unsigned n;
	gnutls_privkey_t key;
};
/* The present pair. Any thread. */
struct tls_shown tls_choose(struct tls *);

#endif
