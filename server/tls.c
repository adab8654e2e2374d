/*
 * Owns the pairs of certificate chain and key. Two files are read, checked against each other and only then shown, so that a
 * reload in the middle of a renewal (the new certificate, still the old key) changes nothing.
 */
#include "server/tls.h"

#include <errno.h>
#include <fcntl.h>
#include <gnutls/x509.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/crypto.h"

#define PEM_MAX   (256 * 1024) /* a chain is some kilobytes */
#define CHAIN_MAX 16
#define KEY_ID    32 /* SHA-256 of the public key */

struct pair {
	struct pair *older;
	gnutls_pcert_st chain[CHAIN_MAX];
	unsigned n;
	gnutls_privkey_t key;
	int64_t expires_at;
	char digest[2][SHA256_HEX_SIZE]; /* of the two files: an unchanged pair is not kept twice */
};

struct tls {
	const char *cert_path; /* borrowed from the configuration */
	const char *key_path;
	pthread_mutex_t lock; /* newest */
	struct pair *newest;
};

static void pair_free(struct pair *p)
{
	unsigned i;

	if (!p)
		return;
	for (i = 0; i < p->n; i++)
		gnutls_pcert_deinit(&p->chain[i]);
	if (p->key)
		gnutls_privkey_deinit(p->key);
	free(p);
}
DEFINE_FREEP(struct pair, pair_free)

static enum err refuse(struct error *e, const char *variable, const char *path, const char *what)
{
	return error_set(e, ERR_BAD_REQUEST, "%s: %.200s: %s", variable, path, what);
}

/* --- files --------------------------------------------------------------------------------------------------- */

/* A PEM file's bytes; wiped and freed by pem_wipe. */
struct pem {
	unsigned char *data;
	unsigned size;
};

static void pem_wipe(struct pem *p)
{
	if (p->data)
		explicit_bzero(p->data, p->size);
	free(p->data);
}

static void close_fd(const int *fd)
{
	if (*fd >= 0)
		(void)close(*fd);
}

/* Reads to the end of the file; false with errno. */
static bool read_all(int fd, unsigned char *out, unsigned size, unsigned *ret)
{
	ssize_t n;

	*ret = 0;
	do {
		n = read(fd, out + *ret, size - *ret);
		if (n > 0)
			*ret += (unsigned)n;
	} while ((n > 0 && *ret < size) || (n < 0 && errno == EINTR));
	return n >= 0;
}

/* `secret`: others must not be able to read or write it; the group may read, which is how ssl-cert keys are kept. */
static enum err read_pem(const char *variable, const char *path, bool secret, struct pem *ret,
			 struct error *e)
{
	_cleanup_(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct stat info;

	if (fd < 0 || fstat(fd, &info) < 0)
		return refuse(e, variable, path, strerror(errno));
	if (!S_ISREG(info.st_mode))
		return refuse(e, variable, path, "not a regular file");
	if (secret && (info.st_mode & 027))
		return refuse(e, variable, path,
			      "others may read it, or the group may write it: make it 0600 or 0640");
	if (info.st_size > PEM_MAX)
		return refuse(e, variable, path, "too large for a PEM file");
	ret->data = malloc(PEM_MAX);
	if (!ret->data)
		return error_set(e, ERR_INTERNAL, "out of memory");
	if (!read_all(fd, ret->data, PEM_MAX, &ret->size))
		return refuse(e, variable, path, strerror(errno));
	return ERR_OK;
}

/* --- a pair -------------------------------------------------------------------------------------------------- */

static void free_certificates(gnutls_x509_crt_t *list, unsigned n)
{
	unsigned i;

	for (i = 0; i < n; i++)
		gnutls_x509_crt_deinit(list[i]);
	gnutls_free(list);
}

/* Puts the chain into `p`, and the hash of its first certificate's public key into `id`. */
static int import_chain(struct pair *p, const gnutls_datum_t *data, uint8_t id[KEY_ID])
{
	gnutls_x509_crt_t *list = NULL;
	unsigned n = 0, used;
	size_t size = KEY_ID;
	int code =
		gnutls_x509_crt_list_import2(&list, &n, data, GNUTLS_X509_FMT_PEM, GNUTLS_X509_CRT_LIST_SORT);

	if (code < 0)
		return code;
	used = n;
	code = n == 0 || n > CHAIN_MAX
		       ? GNUTLS_E_CERTIFICATE_ERROR
		       : gnutls_pcert_import_x509_list(p->chain, list, &used, GNUTLS_X509_CRT_LIST_SORT);
	if (code >= 0) {
		p->n = used;
		p->expires_at = (int64_t)gnutls_x509_crt_get_expiration_time(list[0]) * MS_PER_SECOND;
		code = gnutls_x509_crt_get_key_id(list[0], GNUTLS_KEYID_USE_SHA256, id, &size);
	}
	free_certificates(list, n);
	return code;
}

static int import_key(struct pair *p, const gnutls_datum_t *data, uint8_t id[KEY_ID])
{
	gnutls_x509_privkey_t key;
	size_t size = KEY_ID;
	int code = gnutls_x509_privkey_init(&key);

	if (code < 0)
		return code;
	code = gnutls_x509_privkey_import2(key, data, GNUTLS_X509_FMT_PEM, NULL, 0);
	if (code >= 0)
		code = gnutls_x509_privkey_get_key_id(key, GNUTLS_KEYID_USE_SHA256, id, &size);
	if (code >= 0)
		code = gnutls_privkey_init(&p->key);
	if (code >= 0)
		code = gnutls_privkey_import_x509(p->key, key, GNUTLS_PRIVKEY_IMPORT_COPY);
	gnutls_x509_privkey_deinit(key);
	return code;
}

static enum err pair_make(struct tls *t, const struct pem *cert, const struct pem *key, struct pair **ret,
			  struct error *e)
{
	_cleanup_(pair_freep) struct pair *p = calloc(1, sizeof *p);
	const gnutls_datum_t cert_data = {cert->data, cert->size}, key_data = {key->data, key->size};
	uint8_t cert_id[KEY_ID], key_id[KEY_ID];
	int code;

	if (!p)
		return error_set(e, ERR_INTERNAL, "out of memory");
	code = import_chain(p, &cert_data, cert_id);
	if (code < 0)
		return refuse(e, "BURSTD_TLS_CERT", t->cert_path, gnutls_strerror(code));
	code = import_key(p, &key_data, key_id);
	if (code < 0)
		return refuse(e, "BURSTD_TLS_KEY", t->key_path, gnutls_strerror(code));
	if (memcmp(cert_id, key_id, KEY_ID) != 0)
		return refuse(e, "BURSTD_TLS_KEY", t->key_path,
			      "does not belong to the first certificate of BURSTD_TLS_CERT");
	sha256_hex(cert->data, cert->size, p->digest[0]);
	sha256_hex(key->data, key->size, p->digest[1]);
	*ret = take_ptr(p);
	return ERR_OK;
}

enum err tls_reload(struct tls *t, struct error *e)
{
	_cleanup_(pem_wipe) struct pem cert = {0};
	_cleanup_(pem_wipe) struct pem key = {0};
	_cleanup_(pair_freep) struct pair *made = NULL;
	enum err err = read_pem("BURSTD_TLS_CERT", t->cert_path, false, &cert, e);

	err = err ? err : read_pem("BURSTD_TLS_KEY", t->key_path, true, &key, e);
	err = err ? err : pair_make(t, &cert, &key, &made, e);
	if (err)
		return err;
	(void)pthread_mutex_lock(&t->lock);
	if (!t->newest || memcmp(t->newest->digest, made->digest, sizeof made->digest) != 0) {
		made->older = t->newest;
		t->newest = take_ptr(made);
	}
	(void)pthread_mutex_unlock(&t->lock);
	return ERR_OK;
}

/* --- outside ------------------------------------------------------------------------------------------------- */

enum err tls_load(const struct config *c, struct tls **ret, struct error *e)
{
	_cleanup_(tls_freep) struct tls *t = NULL;
	enum err err;

	if (!c->tls_cert && !c->tls_key)
		return ERR_OK;
	if (!c->tls_cert || !c->tls_key)
		return error_set(e, ERR_BAD_REQUEST, "BURSTD_TLS_%s: set without BURSTD_TLS_%s",
				 c->tls_cert ? "CERT" : "KEY", c->tls_cert ? "KEY" : "CERT");
	t = calloc(1, sizeof *t);
	if (!t)
		return error_set(e, ERR_INTERNAL, "out of memory");
	t->cert_path = c->tls_cert;
	t->key_path = c->tls_key;
	(void)pthread_mutex_init(&t->lock, NULL);
	err = tls_reload(t, e);
	if (!err)
		*ret = take_ptr(t);
	return err;
}

void tls_free(struct tls *t)
{
	struct pair *p;

	if (!t)
		return;
	while ((p = t->newest)) {
		t->newest = p->older;
		pair_free(p);
	}
	(void)pthread_mutex_destroy(&t->lock);
	free(t);
}

static const struct pair *newest(struct tls *t)
{
	const struct pair *p;

	(void)pthread_mutex_lock(&t->lock);
	p = t->newest;
	(void)pthread_mutex_unlock(&t->lock);
	return p;
}

int64_t tls_expires_at(struct tls *t)
{
	return newest(t)->expires_at;
}

struct tls_shown tls_choose(struct tls *t)
{
	const struct pair *p = newest(t);

	/* GnuTLS takes the chain as not const and does not change it */
	return (struct tls_shown){(gnutls_pcert_st *)(uintptr_t)p->chain, p->n, p->key};
}
