/* The platform's own configuration against the guide's "Configuring the Pexip Infinity platform" (page 14). */
#include <stdio.h>

#include "base/clock.h"
#include "fleet/guide.h"
#include "fleet/survey.h"

#define SOON_MS (30 * 24 * 60 * MS_PER_MINUTE) /* time to order a licence or a certificate */

static void judge_end(struct survey *s, const char *kind, const struct platform_item *item,
		      enum check_id expired, enum check_id soon)
{
	char subject[200], text[TIME_TEXT_SIZE];
	int64_t left = item->ends_at - s->observed_at;

	if (!item->ends_at || left > SOON_MS)
		return;
	(void)snprintf(subject, sizeof(subject), "%s %.150s", kind, item->name);
	(void)time_rfc3339(item->ends_at, text);
	if (left <= 0)
		survey_find(s, expired, subject, "it ended at %s", text);
	else
		survey_find(s, soon, subject, "it ends at %s", text);
}

void survey_judge_platform(struct survey *s, const struct platform_report *r, size_t n_regions)
{
	if (r->n_dns == 0)
		survey_find(s, CHECK_NO_DNS, "infinity", "no DNS server is configured");
	if (r->n_ntp >= 0 && r->n_ntp < GUIDE_NTP_SERVERS)
		survey_find(s, CHECK_FEW_NTP, "infinity", "%d of at least %d NTP servers are configured",
			    r->n_ntp, GUIDE_NTP_SERVERS);
	if (r->licences_read && !r->n_licences)
		survey_find(s, CHECK_NO_LICENCE, "infinity", "no licence is installed");
	for (size_t i = 0; i < r->n_licences; i++)
		judge_end(s, "licence", &r->licences[i], CHECK_LICENCE_EXPIRED, CHECK_LICENCE_ENDS_SOON);
	for (size_t i = 0; i < r->n_certificates; i++)
		judge_end(s, "certificate", &r->certificates[i], CHECK_CERTIFICATE_EXPIRED,
			  CHECK_CERTIFICATE_ENDS_SOON);
	if (n_regions > 1)
		survey_find(s, CHECK_SEVERAL_NETWORKS, "regions", "%zu AWS regions are configured",
			    n_regions);
	survey_unread(s, &r->unread, "infinity");
}
