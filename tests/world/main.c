/*
 * burstd-world: the embedded world behind real HTTP, until INT or TERM. Prints one line with its four addresses.
 *
 * The main thread only keeps the world's time moving while nobody asks; the daemons' threads do the rest.
 */
#include <getopt.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "tests/world/http.h"

static const char usage[] =
	"usage: burstd-world [options]\n"
	"  --scenario demo|grid|empty   which world (demo)\n"
	"  --scale N                    divides every duration (BURSTD_TIME_SCALE, else 1)\n"
	"  --seed N                     of everything random (1)\n"
	"  --infinity-port, --ec2-port, --control-port, --bootstrap-port N   on 127.0.0.1 (0: any free one)\n"
	"  --user, --password           Infinity, Basic authentication (admin, world-password)\n"
	"  --access-key, --secret-key, --session-token     AWS keys that are accepted\n"
	"  --lifecycle-access-key, --lifecycle-secret-key  a second pair, which may do everything\n"
	"  --oauth-client ID --oauth-public-key FILE       Infinity, OAuth2\n"
	"  --tls CERT KEY               PEM files: HTTPS on the Infinity and the EC2 port\n";

struct setup {
	struct world_http_options http;
	const char *scenario;
	double scale;
	uint64_t seed;
	char *oauth_public, *cert, *key; /* owned file texts */
};

static char *read_file(const char *path)
{
	FILE *f = fopen(path, "re");
	char *text = calloc(1, 65536);

	if (!f || !text || fread(text, 1, 65535, f) == 0) {
		(void)fprintf(stderr, "burstd-world: cannot read %s\n", path);
		exit(2);
	}
	(void)fclose(f);
	return text;
}

static uint16_t port(const char *text)
{
	char *end;
	long n = strtol(text, &end, 10);

	if (*end || n < 0 || n > 65535) {
		(void)fprintf(stderr, "burstd-world: %s is no port\n", text);
		exit(2);
	}
	return (uint16_t)n;
}

enum choice {
	SCENARIO = 1000,
	SCALE,
	SEED,
	INFINITY_PORT,
	EC2_PORT,
	CONTROL_PORT,
	BOOTSTRAP_PORT,
	USER,
	PASSWORD,
	ACCESS,
	SECRET,
	TOKEN,
	LIFECYCLE_ACCESS,
	LIFECYCLE_SECRET,
	OAUTH_CLIENT,
	OAUTH_KEY,
	TLS,
	HELP
};

static const struct option options[] = {{"scenario", 1, NULL, SCENARIO},
					{"scale", 1, NULL, SCALE},
					{"seed", 1, NULL, SEED},
					{"infinity-port", 1, NULL, INFINITY_PORT},
					{"ec2-port", 1, NULL, EC2_PORT},
					{"control-port", 1, NULL, CONTROL_PORT},
					{"bootstrap-port", 1, NULL, BOOTSTRAP_PORT},
					{"lifecycle-access-key", 1, NULL, LIFECYCLE_ACCESS},
					{"lifecycle-secret-key", 1, NULL, LIFECYCLE_SECRET},
					{"user", 1, NULL, USER},
					{"password", 1, NULL, PASSWORD},
					{"access-key", 1, NULL, ACCESS},
					{"secret-key", 1, NULL, SECRET},
					{"session-token", 1, NULL, TOKEN},
					{"oauth-client", 1, NULL, OAUTH_CLIENT},
					{"oauth-public-key", 1, NULL, OAUTH_KEY},
					{"tls", 1, NULL, TLS},
					{"help", 0, NULL, HELP},
					{0}};

static void stop_with_usage(int status)
{
	(void)fputs(usage, status ? stderr : stdout);
	exit(status);
}

/* --tls takes two words; getopt gives one, the second is the next argument. */
static void read_tls(struct setup *s, int argc, char **argv)
{
	if (optind >= argc)
		stop_with_usage(2);
	s->cert = read_file(optarg);
	s->key = read_file(argv[optind++]);
	s->http.tls_cert = s->cert;
	s->http.tls_key = s->key;
}

/* Where an option's own word goes; NULL = it is no plain word. */
static const char **text_option(struct setup *s, int option)
{
	switch (option) {
	case SCENARIO:
		return &s->scenario;
	case USER:
		return &s->http.user;
	case PASSWORD:
		return &s->http.password;
	case ACCESS:
		return &s->http.access_key;
	case SECRET:
		return &s->http.secret_key;
	case TOKEN:
		return &s->http.session_token;
	case LIFECYCLE_ACCESS:
		return &s->http.lifecycle_access_key;
	case LIFECYCLE_SECRET:
		return &s->http.lifecycle_secret_key;
	case OAUTH_CLIENT:
		return &s->http.oauth_client;
	default:
		return NULL;
	}
}

static void set_option(struct setup *s, int option, int argc, char **argv)
{
	const char **text = text_option(s, option);

	if (text)
		*text = optarg;
	else if (option == SCALE)
		s->scale = strtod(optarg, NULL);
	else if (option == SEED)
		s->seed = strtoull(optarg, NULL, 10);
	else if (option >= INFINITY_PORT && option <= BOOTSTRAP_PORT)
		s->http.ports[option - INFINITY_PORT] = port(optarg); /* in the order of enum world_face */
	else if (option == OAUTH_KEY)
		s->http.oauth_public = s->oauth_public = read_file(optarg);
	else if (option == TLS)
		read_tls(s, argc, argv);
	else
		stop_with_usage(option == HELP ? 0 : 2);
}

static struct world *make_world(const struct setup *s)
{
	int64_t now = clock_now(&clock_system);
	struct world_options o = world_options_default(s->seed);

	if (!strcmp(s->scenario, "demo"))
		return world_demo(now, s->scale, s->seed);
	o.scale = s->scale;
	o.start_ms = now;
	if (!strcmp(s->scenario, "empty"))
		o.principals = o.overflows = 0;
	else if (strcmp(s->scenario, "grid") != 0)
		stop_with_usage(2);
	return world_new(&o);
}

static void nothing(struct world *w, void *arg)
{
	(void)w;
	(void)arg;
}

/* Until INT or TERM; every 100 ms the world is brought to the present, so that nothing piles up. */
static void serve_until(struct world_http *h, const sigset_t *signals)
{
	const struct timespec step = {0, 100000000};

	while (sigtimedwait(signals, NULL, &step) < 0)
		world_http_locked(h, nothing, NULL);
}

int main(int argc, char **argv)
{
	const char *scale = getenv("BURSTD_TIME_SCALE");
	struct setup s = {.http = world_http_options_default(),
			  .scenario = "demo",
			  .scale = scale ? strtod(scale, NULL) : 1,
			  .seed = 1};
	sigset_t signals;

	for (int option; (option = getopt_long(argc, argv, "", options, NULL)) != -1;)
		set_option(&s, option, argc, argv);
	if (optind < argc || s.scale <= 0)
		stop_with_usage(2);
	sigemptyset(&signals);
	sigaddset(&signals, SIGINT);
	sigaddset(&signals, SIGTERM);
	pthread_sigmask(SIG_BLOCK, &signals, NULL); /* before the daemons' threads are born */

	struct world *w = make_world(&s);
	struct world_http *h = w ? world_http_start(w, &s.http) : NULL;

	if (h) {
		(void)printf("infinity=%s ec2=%s control=%s bootstrap=%s\n",
			     world_http_url(h, WORLD_FACE_INFINITY), world_http_url(h, WORLD_FACE_EC2),
			     world_http_url(h, WORLD_FACE_CONTROL), world_http_url(h, WORLD_FACE_BOOTSTRAP));
		(void)fflush(stdout);
		serve_until(h, &signals);
	}
	world_http_stop(h);
	world_free(w);
	free(s.oauth_public);
	free(s.cert);
	free(s.key);
	return h ? 0 : 1;
}
