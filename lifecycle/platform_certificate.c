/*
 * The TLS certificate (guide, "Configuring the Pexip Infinity platform", 5): uploaded where Infinity has none of this subject and end
 * date, then assigned to the Management Node.
 */
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "lifecycle/platform.h"

static const struct platform_kind certificate_kind = {.resource = RESOURCE_TLS_CERTIFICATE,
						      .name = "tls_certificate",
						      .key = "subject_name",
						      .also = "end_date",
						      .derived = true};

/* --- what Infinity will show of it --------------------------------------------------------------------------------------------- */

#define SUBJECT_SIZE 256
#define DATE_SIZE    20

DEFINE_FREEP(X509, X509_free)

/* The common name; the whole subject where there is none. In UTF-8, as JSON needs it. */
static bool read_subject(const X509 *certificate, char out[SUBJECT_SIZE])
{
	X509_NAME *name = X509_get_subject_name(certificate);
	int at = X509_NAME_get_index_by_NID(name, NID_commonName, -1), len;
	unsigned char *text = NULL;
	bool good;

	if (at < 0)
		return X509_NAME_oneline(name, out, SUBJECT_SIZE) && *out;
	len = ASN1_STRING_to_UTF8(&text, X509_NAME_ENTRY_get_data(X509_NAME_get_entry(name, at)));
	good = len > 0 && len < SUBJECT_SIZE && strlen((char *)text) == (size_t)len;
	if (good)
		(void)snprintf(out, SUBJECT_SIZE, "%s", (char *)text);
	OPENSSL_free(text);
	return good;
}

/* The first certificate of the PEM text, which is the node's own. */
static bool read_certificate(const char *pem, char subject[SUBJECT_SIZE], char end[DATE_SIZE])
{
	BIO *bio = BIO_new_mem_buf(pem, -1);
	_cleanup_(X509_freep) X509 *certificate = bio ? PEM_read_bio_X509(bio, NULL, NULL, NULL) : NULL;
	struct tm at;

	(void)BIO_free(bio);
	return certificate && read_subject(certificate, subject) &&
	       ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &at) &&
	       strftime(end, DATE_SIZE, "%Y-%m-%dT%H:%M:%S", &at);
}

/* [the certificate with its subject and end date]; NULL: *ret_result. */
static json_t *wanted_certificate(struct job *job, const json_t *asked, enum step_result *ret_result)
{
	const char *pem = json_string_value(json_object_get(asked, "certificate"));
	char subject[SUBJECT_SIZE], end[DATE_SIZE];
	json_t *list;

	if (!pem || !read_certificate(pem, subject, end)) {
		*ret_result = job_refuse(
			job, "certificate",
			"Undo the operation, or close it, and ask again with a certificate in PEM form.",
			"the TLS certificate that was asked for cannot be read");
		return NULL;
	}
	list = json_pack("[o]", json_copy((json_t *)(uintptr_t)asked));
	if (list &&
	    !json_object_set_new(json_array_get(list, 0), certificate_kind.key, json_string(subject)) &&
	    !json_object_set_new(json_array_get(list, 0), certificate_kind.also, json_string(end)))
		return list;
	json_decref(list);
	*ret_result = platform_memory(job);
	return NULL;
}

/* --- the Management Node ------------------------------------------------------------------------------------------------------- */

struct manager {
	json_t *all;
	int64_t id;          /* 0 = Infinity shows none */
	int64_t certificate; /* 0 = its own, self-signed */
	const char *name;
};

static void manager_end(struct manager *m)
{
	json_decref(m->all);
}

/* The primary one. False: *ret_result. */
static bool read_manager(struct job *job, struct manager *ret, enum step_result *ret_result)
{
	struct upstream_error e = {0};
	const json_t *vm, *found;
	size_t i;

	if (!infinity_resource_list(job->l->o.infinity, RESOURCE_MANAGEMENT_VM, &ret->all, &e)) {
		*ret_result = job_failed(job, &e);
		return false;
	}
	found = json_array_get(ret->all, 0);
	json_array_foreach(ret->all, i, vm) if (json_is_true(json_object_get(vm, "primary"))) found = vm;
	ret->id = json_integer_value(json_object_get(found, "id"));
	ret->certificate = infinity_reference_id(
		RESOURCE_TLS_CERTIFICATE, json_string_value(json_object_get(found, "tls_certificate")));
	ret->name = json_string_value(json_object_get(found, "name"));
	return true;
}

static bool set_certificate(struct job *job, int64_t manager, int64_t certificate, struct upstream_error *e)
{
	char reference[128];
	json_auto_t *change = NULL;

	infinity_reference(RESOURCE_TLS_CERTIFICATE, certificate, reference);
	change = json_pack("{so}", "tls_certificate", certificate ? json_string(reference) : json_null());
	return infinity_resource_update(job->l->o.infinity, RESOURCE_MANAGEMENT_VM, manager, change, e);
}

/* What was there before is kept, for the undo. */
static enum step_result assign(struct job *job, const struct manager *m, int64_t certificate)
{
	struct upstream_error e = {0};

	if (!operation_setf(job->op, VALUE_PREVIOUS_CERTIFICATE, "%lld", (long long)m->certificate) ||
	    !operation_setf(job->op, VALUE_ASSIGNED_CERTIFICATE, "%lld", (long long)certificate))
		return platform_memory(job);
	if (!job_attempt(job))
		return RESULT_LATER;
	if (set_certificate(job, m->id, certificate, &e))
		return RESULT_DONE;
	if (e.class != UPSTREAM_RETRY) {
		(void)operation_set(job->op, VALUE_PREVIOUS_CERTIFICATE, NULL);
		(void)operation_set(job->op, VALUE_ASSIGNED_CERTIFICATE, NULL);
	}
	return job_failed(job, &e);
}

/* --- the step --------------------------------------------------------------------------------------------------------------------- */

static enum step_result install(struct job *job, const struct platform_look *look)
{
	_cleanup_(manager_end) struct manager m = {0};
	enum step_result result = RESULT_DONE;
	int64_t id =
		platform_id(&certificate_kind,
			    platform_find(&certificate_kind, json_array_get(look->wanted, 0), look->there));
	char text[PLATFORM_TEXT / 2];
	bool compares = platform_compares(job);

	if (!read_manager(job, &m, &result))
		return result;
	if (m.id && !compares && m.certificate != id)
		result = assign(job, &m, id);
	if (result != RESULT_DONE)
		return result;
	if (!m.id)
		(void)snprintf(text, sizeof text, "Infinity shows no Management Node to assign it to");
	else
		(void)snprintf(text, sizeof text, "%sassigned to the Management Node %.64s",
			       compares && (!id || m.certificate != id) ? "not " : "", m.name ? m.name : "");
	return platform_tell(job, look, text);
}

enum step_result step_certificate(struct job *job)
{
	_cleanup_(platform_look_end) struct platform_look look = {.kind = &certificate_kind};
	enum step_result result = RESULT_DONE;
	json_auto_t *request = platform_request(job, &result);
	const json_t *asked = json_object_get(request, "tls_certificate");

	if (!request)
		return result;
	if (!asked)
		return job_skip(job, "not asked for");
	look.wanted = wanted_certificate(job, asked, &result);
	if (!look.wanted)
		return result;
	result = platform_ensure(job, &look);
	return result == RESULT_DONE ? install(job, &look) : result;
}

/* Only where it has ours still: what somebody assigned since then stays. */
static enum step_result give_back(struct job *job)
{
	_cleanup_(manager_end) struct manager m = {0};
	enum step_result result = RESULT_DONE;
	struct upstream_error e = {0};

	if (!read_manager(job, &m, &result))
		return result;
	if (m.id && m.certificate == operation_number(job->op, VALUE_ASSIGNED_CERTIFICATE)) {
		if (!job_attempt(job))
			return RESULT_LATER;
		if (!set_certificate(job, m.id, operation_number(job->op, VALUE_PREVIOUS_CERTIFICATE), &e))
			return job_failed(job, &e);
	}
	return operation_set(job->op, VALUE_ASSIGNED_CERTIFICATE, NULL) ? RESULT_DONE : platform_memory(job);
}

enum step_result undo_certificate(struct job *job)
{
	bool assigned = operation_number(job->op, VALUE_ASSIGNED_CERTIFICATE) != 0;
	enum step_result result = assigned ? give_back(job) : RESULT_DONE;

	return result == RESULT_DONE
		       ? platform_undo(job, &certificate_kind,
				       assigned ? "the Management Node has its previous certificate" : "")
		       : result;
}
