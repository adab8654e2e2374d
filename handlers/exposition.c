/* The format: https://prometheus.io/docs/instrumenting/exposition_formats/ */
#include "handlers/exposition.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/utf8.h"

static void put_escaped(struct buf *b, const char *text, bool quotes)
{
	size_t n;

	for (; text && *text; text += n ? n : 1) {
		n = utf8_length(text);
		if (n == 0)
			buf_puts(b, "?");
		else if (*text == '\n')
			buf_puts(b, "\\n");
		else if (*text == '\\')
			buf_puts(b, "\\\\");
		else if (*text == '"' && quotes)
			buf_puts(b, "\\\"");
		else
			buf_append(b, text, n);
	}
}

static void put_value(struct buf *b, double value)
{
	if (isnan(value))
		buf_puts(b, " NaN\n");
	else if (isinf(value))
		buf_puts(b, value > 0 ? " +Inf\n" : " -Inf\n");
	else if (value == floor(value) && fabs(value) < 1e15)
		buf_printf(b, " %lld\n", (long long)value);
	else
		buf_printf(b, " %.15g\n", value);
}

static void put_labels(struct buf *b, const struct label *labels)
{
	const struct label *l;

	for (l = labels; l && l->name; l++) {
		buf_printf(b, "%s%s=\"", l == labels ? "{" : ",", l->name);
		put_escaped(b, l->value, true);
		buf_puts(b, "\"");
	}
	if (l != labels)
		buf_puts(b, "}");
}

void expo_family(struct buf *b, const char *name, enum expo_type type, const char *help)
{
	static const char *const types[] = {
		[EXPO_COUNTER] = "counter", [EXPO_GAUGE] = "gauge", [EXPO_HISTOGRAM] = "histogram"};

	buf_printf(b, "# HELP %s ", name);
	put_escaped(b, help, false);
	buf_printf(b, "\n# TYPE %s %s\n", name, types[type]);
}

void expo_sample(struct buf *b, const char *name, const struct label *labels, double value)
{
	buf_puts(b, name);
	put_labels(b, labels);
	put_value(b, value);
}

void expo_single(struct buf *b, const char *name, enum expo_type type, const char *help, double value)
{
	expo_family(b, name, type, help);
	expo_sample(b, name, NULL, value);
}

void expo_histogram(struct buf *b, const char *name, const struct label *label, const struct histogram *h)
{
	struct label labels[] = {{NULL, NULL}, {NULL, NULL}, {NULL, NULL}};
	struct label *le = label ? &labels[1] : &labels[0];
	char full[80], bound[32];
	uint64_t total = 0;
	size_t i;

	if (label)
		labels[0] = *label;
	*le = (struct label){"le", bound};
	(void)snprintf(full, sizeof full, "%s_bucket", name);
	for (i = 0; i <= h->n; i++) {
		total += h->counts[i];
		(void)snprintf(bound, sizeof bound, "%.15g", i < h->n ? h->bounds[i] : 0);
		if (i == h->n)
			(void)snprintf(bound, sizeof bound, "+Inf");
		expo_sample(b, full, labels, (double)total);
	}
	*le = (struct label){NULL, NULL};
	(void)snprintf(full, sizeof full, "%s_sum", name);
	expo_sample(b, full, labels, h->sum);
	(void)snprintf(full, sizeof full, "%s_count", name);
	expo_sample(b, full, labels, (double)total);
}

void expo_meter(struct buf *b, const char *name, const struct label *label, const struct meter_bounds *bounds,
		const struct meter_reading *reading)
{
	double seconds[METER_BOUNDS];
	size_t i;

	for (i = 0; i < METER_BOUNDS; i++)
		seconds[i] = (double)bounds->us[i] / 1e6;
	expo_histogram(b, name, label,
		       &(struct histogram){.bounds = seconds,
					   .n = METER_BOUNDS,
					   .counts = reading->classes,
					   .sum = (double)reading->sum_us / 1e6});
}
