/*
 * Owns the order of the sources and the way from a profile with a role back to the keys that ask for it.
 *
 * The first source that is configured decides: one that is configured and broken is an error, because quietly using another
 * account's keys would be worse.
 */
#include "clients/ec2/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "clients/ec2/container.h"
#include "clients/ec2/imds.h"
#include "clients/ec2/profile.h"

#define SESSION_NAME "burstd"
#define FILES_REMEDY "correct the profile in AWS's shared files (~/.aws/config, ~/.aws/credentials)"

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value ? value : "";
}

static bool fail(struct upstream_error *e, const char *code, const char *profile, const char *message,
		 const char *detail)
{
	upstream_error_set(e, UPSTREAM_OPERATOR, 0, code, "ec2_credentials", FILES_REMEDY,
			   "profile %.100s: %s%.100s", profile, message, detail);
	return false;
}

/* The caller has zeroed `out`: plans are compared byte by byte. */
static void set_text(char *out, size_t size, const char *text)
{
	(void)snprintf(out, size, "%s", text);
}

#define SET(out, text) set_text((out), sizeof(out), (text))

/* --- the environment --------------------------------------------------------------------------------------------- */

/* *ret_found: whether the environment is configured. false: it is, but not usable. */
static bool keys_of_environment(struct aws_chain *c, bool *ret_found, struct upstream_error *e)
{
	const char *access = env("AWS_ACCESS_KEY_ID");
	const char *secret = env("AWS_SECRET_ACCESS_KEY");
	const char *token = *env("AWS_SESSION_TOKEN") ? env("AWS_SESSION_TOKEN") : env("AWS_SECURITY_TOKEN");
	struct aws_keys *k = &c->keys;

	*ret_found = *access || *secret;
	if (!*ret_found)
		return true;
	if (!*access || !*secret || strlen(access) >= sizeof(k->access_key) ||
	    strlen(secret) >= sizeof(k->secret_key) || strlen(token) >= sizeof(k->session_token)) {
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_incomplete", "ec2_credentials",
				   "set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY both, or neither",
				   "the environment does not hold a whole pair of AWS keys");
		return false;
	}
	c->base = CHAIN_KEYS;
	SET(k->access_key, access);
	SET(k->secret_key, secret);
	SET(k->session_token, token);
	SET(c->provider, "environment");
	return true;
}

/* --- profiles ---------------------------------------------------------------------------------------------------- */

static bool load(const char *name, struct aws_profile *ret, struct upstream_error *e)
{
	if (strlen(name) >= sizeof(ret->name))
		return fail(e, "credentials_profile", name, "the name is too long", "");
	return aws_profile_load(name, ret, e);
}

static void take_keys(struct aws_chain *c, const struct aws_profile *p)
{
	c->base = CHAIN_KEYS;
	c->keys = p->keys;
	SET(c->provider, "shared credentials file");
}

static bool assumes_role(const struct aws_profile *p)
{
	return p->role_arn[0] && !p->web_identity_token_file[0];
}

/* 0 where none is given; -1, which no role may have, for what is no number. */
static int duration_of(const struct aws_profile *p)
{
	char *end;
	long seconds = strtol(p->duration_seconds, &end, 10);

	if (!p->duration_seconds[0])
		return 0;
	return *end || seconds <= 0 || seconds > 1000000 ? -1 : (int)seconds;
}

static bool make_role(const struct aws_profile *p, struct aws_role *ret, struct upstream_error *e)
{
	SET(ret->arn, p->role_arn);
	SET(ret->session_name, p->role_session_name[0] ? p->role_session_name : SESSION_NAME);
	SET(ret->external_id, p->external_id);
	SET(ret->profile, p->name);
	ret->duration_seconds = duration_of(p);
	return aws_role_valid(ret, e);
}

/* The token file, role and session name of the environment (where it counts), else of the profile, each by itself. */
static bool take_web_identity(struct aws_chain *c, const struct aws_profile *p, bool with_environment,
			      struct upstream_error *e)
{
	const char *file = with_environment ? env("AWS_WEB_IDENTITY_TOKEN_FILE") : "";
	const char *arn = with_environment ? env("AWS_ROLE_ARN") : "";
	const char *session = with_environment ? env("AWS_ROLE_SESSION_NAME") : "";
	struct aws_profile whole = *p;
	bool good = false;

	if (!*arn && !p->role_arn[0])
		upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_role", "ec2_credentials",
				   "set AWS_ROLE_ARN, or role_arn in the profile",
				   "web identity: a token file is given, and no role");
	else if (strlen(arn) >= sizeof(whole.role_arn) ||
		 strlen(session) >= sizeof(whole.role_session_name) || strlen(file) >= sizeof(c->token_file))
		upstream_error_set(
			e, UPSTREAM_OPERATOR, 0, "credentials_role", "ec2_credentials",
			"correct AWS_ROLE_ARN, AWS_ROLE_SESSION_NAME and AWS_WEB_IDENTITY_TOKEN_FILE",
			"web identity: a value in the environment is longer than it can be");
	else
		good = true;
	if (good && *arn) {
		SET(whole.role_arn, arn);
		whole.name[0] = '\0';
	}
	if (good && *session)
		SET(whole.role_session_name, session);
	good = good && make_role(&whole, &c->web, e);
	explicit_bzero(&whole, sizeof(whole));
	if (!good)
		return false;
	c->base = CHAIN_WEB_IDENTITY;
	SET(c->token_file, *file ? file : p->web_identity_token_file);
	(void)snprintf(c->provider, sizeof(c->provider), "web identity, role %.300s", c->web.arn);
	return true;
}

/* credential_source: keys of no profile. */
static bool take_credential_source(struct aws_chain *c, const struct aws_profile *p, struct upstream_error *e)
{
	const char *source = p->credential_source;
	bool found = false;

	if (strcmp(source, "Environment") == 0) {
		if (!keys_of_environment(c, &found, e))
			return false;
		return found ||
		       fail(e, "credentials_source", p->name,
			    "credential_source is Environment, and AWS_ACCESS_KEY_ID is not set", "");
	}
	if (strcmp(source, "Ec2InstanceMetadata") == 0) {
		c->base = CHAIN_INSTANCE;
		SET(c->provider, "instance role");
		return !imds_disabled() || fail(e, "credentials_source", p->name,
						"credential_source is Ec2InstanceMetadata, and "
						"AWS_EC2_METADATA_DISABLED switches it off",
						"");
	}
	if (strcmp(source, "EcsContainer") == 0) {
		c->base = CHAIN_CONTAINER;
		SET(c->provider, "container endpoint");
		return container_configured() ||
		       fail(e, "credentials_source", p->name,
			    "credential_source is EcsContainer, and no AWS_CONTAINER_CREDENTIALS_... is set",
			    "");
	}
	return fail(e, "credentials_source", p->name,
		    "credential_source must be Environment, Ec2InstanceMetadata or EcsContainer, not ",
		    source);
}

/* The end of a way through profiles. *ret_found is false where the profile says nothing. */
static bool take_plain(struct aws_chain *c, const struct aws_profile *p, bool *ret_found,
		       struct upstream_error *e)
{
	*ret_found = aws_profile_has_keys(p);
	if (*ret_found)
		take_keys(c, p);
	if (*ret_found || !p->other_way)
		return true;
	upstream_error_set(e, UPSTREAM_OPERATOR, 0, "credentials_unsupported", "ec2_credentials",
			   "use keys, a role, a web identity, or an instance role",
			   "profile %.100s uses %s, which burstd does not support", p->name, p->other_way);
	return false;
}

static bool visited(const struct aws_chain *c, const char *name)
{
	for (size_t i = 0; i < c->n_roles; i++)
		if (strcmp(c->roles[i].profile, name) == 0)
			return true;
	return false;
}

/* One role more. It stands behind the roles that are asked for with its keys. */
static bool add_role(struct aws_chain *c, const struct aws_profile *p, struct upstream_error *e)
{
	if (c->n_roles == CHAIN_ROLES)
		return fail(e, "credentials_loop", c->roles[0].profile, "too many roles one after the other",
			    "");
	if (p->mfa_serial[0])
		return fail(e, "credentials_unsupported", p->name,
			    "the role wants an MFA code (mfa_serial), which only a person can type", "");
	if (p->source_profile[0] && p->credential_source[0])
		return fail(e, "credentials_source", p->name,
			    "it has both source_profile and credential_source", "");
	if (!p->source_profile[0] && !p->credential_source[0])
		return fail(e, "credentials_source", p->name,
			    "role_arn needs source_profile or credential_source", "");
	return make_role(p, &c->roles[c->n_roles++], e);
}

/* The source of a role, *p, is replaced by the next profile on the way. *ret_done: the way is at its end. */
static bool follow_source(struct aws_chain *c, struct aws_profile *p, bool *ret_done,
			  struct upstream_error *e)
{
	char asked_by[sizeof(p->name)];
	char name[sizeof(p->source_profile)];
	bool own = strcmp(p->source_profile, p->name) == 0;

	memcpy(asked_by, p->name, sizeof(asked_by));
	memcpy(name, p->source_profile, sizeof(name));
	*ret_done = true;
	if (own && aws_profile_has_keys(p)) {
		take_keys(c, p);
		return true;
	}
	if (visited(c, name))
		return fail(e, "credentials_loop", asked_by, "source_profile leads back to ", name);
	if (!load(name, p, e))
		return false;
	if (!p->found)
		return fail(e, "credentials_profile", asked_by, "there is no source_profile ", name);
	if (p->web_identity_token_file[0])
		return take_web_identity(c, p, false, e);
	*ret_done = !assumes_role(p) || aws_profile_has_keys(p);
	if (!*ret_done)
		return true;
	bool found;

	if (!take_plain(c, p, &found, e))
		return false;
	return found ||
	       fail(e, "credentials_source", asked_by, "there are no keys in its source_profile ", name);
}

/* From last to first as they were found; they are assumed the other way round. */
static void turn_roles(struct aws_chain *c)
{
	for (size_t i = 0; i < c->n_roles / 2; i++) {
		struct aws_role other = c->roles[i];

		c->roles[i] = c->roles[c->n_roles - 1 - i];
		c->roles[c->n_roles - 1 - i] = other;
	}
}

static void name_roles(struct aws_chain *c)
{
	for (size_t i = 0; i < c->n_roles; i++) {
		size_t len = strlen(c->provider);

		(void)snprintf(c->provider + len, sizeof(c->provider) - len, ", then role %s (profile %s)",
			       c->roles[i].arn, c->roles[i].profile);
	}
}

/* A profile with role_arn, back to the keys that ask for the first role. */
static bool take_roles(struct aws_chain *c, struct aws_profile *p, struct upstream_error *e)
{
	for (bool done = false; !done;) {
		if (!add_role(c, p, e))
			return false;
		done = p->credential_source[0] != '\0';
		if (!(done ? take_credential_source(c, p, e) : follow_source(c, p, &done, e)))
			return false;
	}
	turn_roles(c);
	name_roles(c);
	return true;
}

/* --- the order --------------------------------------------------------------------------------------------------- */

static bool take_last(struct aws_chain *c, struct upstream_error *e)
{
	if (container_configured()) {
		c->base = CHAIN_CONTAINER;
		SET(c->provider, "container endpoint");
		return true;
	}
	c->base = CHAIN_INSTANCE;
	SET(c->provider, "instance role");
	if (!imds_disabled())
		return true;
	upstream_error_set(
		e, UPSTREAM_OPERATOR, 0, "no_credentials", "ec2_credentials",
		"set the AWS keys in burstd's settings, in the environment or in ~/.aws/credentials",
		"no AWS credentials, and AWS_EC2_METADATA_DISABLED switches the instance role off");
	return false;
}

/* Someone chose a profile: quietly using something else would be worse than an error. */
static bool check_chosen(const struct aws_profile *p, bool chosen, struct upstream_error *e)
{
	if (p->found || !chosen)
		return true;
	upstream_error_set(
		e, UPSTREAM_OPERATOR, 0, "credentials_profile", "ec2_credentials",
		"correct AWS_PROFILE or BURSTD_AWS_PROFILE, or add the profile to AWS's shared files",
		"the profile %.100s does not exist", p->name);
	return false;
}

static bool find_after_environment(const char *profile, bool given, struct aws_profile *p,
				   struct aws_chain *c, struct upstream_error *e)
{
	const char *name = given ? profile : *env("AWS_PROFILE") ? env("AWS_PROFILE") : "default";
	bool found;

	if (!load(name, p, e) || !check_chosen(p, given || *env("AWS_PROFILE"), e))
		return false;
	if (assumes_role(p))
		return take_roles(c, p, e);
	if (p->web_identity_token_file[0] || (!given && *env("AWS_WEB_IDENTITY_TOKEN_FILE")))
		return take_web_identity(c, p, !given, e);
	if (!take_plain(c, p, &found, e))
		return false;
	return found || take_last(c, e);
}

bool aws_chain_find(const char *profile, struct aws_chain *ret, struct upstream_error *e)
{
	bool given = profile && profile[0];
	struct aws_profile p = {0};
	bool found = false;

	memset(ret, 0, sizeof(*ret));
	if (!given && !keys_of_environment(ret, &found, e))
		return false;
	bool good = found || find_after_environment(profile, given, &p, ret, e);

	explicit_bzero(&p, sizeof(p));
	return good;
}
