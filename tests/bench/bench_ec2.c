/*
 * Reading DescribeInstances: our parser against expat that does nothing, over one answer of 10,000 instances, and against
 * boto3's parser over a twentieth of it. CPU of the reading thread, and the memory that our parser takes beyond its input.
 */
#define _GNU_SOURCE
#include <expat.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/buf.h"
#include "clients/ec2/parse.h"
#include "tests/bench/bench.h"

#define INSTANCES    10000
#define BOTO3_SHARE  20
#define ROUNDS       9
#define BOTO3_ROUNDS 3
#define PIECE        16384 /* as our parser feeds expat */
#define REGION       "eu-west-1"
#define SCRIPT       "tests/bench/boto3_parse.py"
#define PYTHON       "/usr/bin/python3"

/* --- the answer: every element that EC2 sends for a running instance today --------------------------------------- */

static void put_head(struct buf *b, int i)
{
	buf_printf(b,
		   "<item><instanceId>i-%017x</instanceId><imageId>ami-0c1bc246476a5572b</"
		   "imageId><instanceState>"
		   "<code>16</code><name>running</name></"
		   "instanceState><privateDnsName>ip-10-%d-%d-%d.%s.compute.internal"
		   "</privateDnsName><dnsName>ec2-203-0-%d-%d.%s.compute.amazonaws.com</dnsName><reason/"
		   "><keyName>pexip"
		   "</keyName><amiLaunchIndex>0</amiLaunchIndex><productCodes/><instanceType>c5.2xlarge</"
		   "instanceType>"
		   "<launchTime>2026-01-05T07:%02d:%02d.000Z</launchTime><placement><availabilityZone>%sa"
		   "</availabilityZone><groupName/><tenancy>default</tenancy><availabilityZoneId>euw1-az1"
		   "</availabilityZoneId></placement><monitoring><state>disabled</state></monitoring>"
		   "<subnetId>subnet-0f2a5f7d7f41a8f3c</subnetId><vpcId>vpc-01b7dc2b6f7a8d7e1</vpcId>",
		   (unsigned)i, i >> 16, i >> 8 & 255, i & 255, REGION, i >> 8 & 255, i & 255, REGION,
		   i / 60 % 60, i % 60, REGION);
	buf_printf(b,
		   "<privateIpAddress>10.%d.%d.%d</privateIpAddress><ipAddress>203.0.%d.%d</ipAddress>"
		   "<sourceDestCheck>true</sourceDestCheck><groupSet><item><groupId>sg-0d3bb1d6e3f7a5c21</"
		   "groupId>"
		   "<groupName>pexip-nodes</groupName></item></groupSet><architecture>x86_64</architecture>"
		   "<rootDeviceType>ebs</rootDeviceType><rootDeviceName>/dev/sda1</rootDeviceName>",
		   i >> 16, i >> 8 & 255, i & 255, i >> 8 & 255, i & 255);
}

static void put_disks(struct buf *b, int i)
{
	buf_puts(b, "<blockDeviceMapping>");
	for (int disk = 0; disk < 2; disk++)
		buf_printf(b,
			   "<item><deviceName>/dev/sd%c1</deviceName><ebs><volumeId>vol-%017x</"
			   "volumeId><status>attached"
			   "</status><attachTime>2026-01-05T07:00:%02d.000Z</"
			   "attachTime><deleteOnTermination>true"
			   "</deleteOnTermination><operator><managed>false</managed></operator></ebs></item>",
			   'a' + disk, (unsigned)(2 * i + disk), i % 60);
	buf_puts(b, "</blockDeviceMapping><virtualizationType>hvm</virtualizationType><clientToken>"
		    "0a3f6a6e-3a5f-4f1e-9d57-8a4f5a1f7c11</clientToken>");
}

static void put_tags(struct buf *b, int i)
{
	static const char *const tags[][2] = {{"pexip-cloud", "manager.example.net"},
					      {"cost-centre", "4711 video &amp; voice"},
					      {"owner", "unified-communications@example.net"},
					      {"environment", "production"},
					      {"backup", "none"},
					      {"aws:cloudformation:stack-name", "pexip-conferencing-nodes"},
					      {"aws:cloudformation:logical-id", "ConferencingNode"}};

	buf_printf(b, "<tagSet><item><key>Name</key><value>burst-%d</value></item>", i);
	for (size_t t = 0; t < sizeof tags / sizeof *tags; t++)
		buf_printf(b, "<item><key>%s</key><value>%s</value></item>", tags[t][0], tags[t][1]);
	buf_puts(b, "</tagSet><hypervisor>xen</hypervisor>");
}

static void put_interface(struct buf *b, int i, int number)
{
	buf_printf(b,
		   "<item><networkInterfaceId>eni-%017x</"
		   "networkInterfaceId><subnetId>subnet-0f2a5f7d7f41a8f3c</subnetId>"
		   "<vpcId>vpc-01b7dc2b6f7a8d7e1</vpcId><description>Interface "
		   "%d</description><ownerId>123456789012"
		   "</ownerId><status>in-use</status><macAddress>06:4d:%02x:%02x:%02x:%02x</"
		   "macAddress><privateIpAddress>"
		   "10.%d.%d.%d</privateIpAddress><privateDnsName>ip-10-%d-%d-%d.%s.compute.internal</"
		   "privateDnsName>"
		   "<sourceDestCheck>true</sourceDestCheck><groupSet><item><groupId>sg-0d3bb1d6e3f7a5c21</"
		   "groupId>"
		   "<groupName>pexip-nodes</groupName></item></"
		   "groupSet><attachment><attachmentId>eni-attach-%017x"
		   "</attachmentId><deviceIndex>%d</deviceIndex><status>attached</status><attachTime>"
		   "2026-01-05T07:00:00.000Z</attachTime><deleteOnTermination>true</"
		   "deleteOnTermination><networkCardIndex>0"
		   "</networkCardIndex></attachment>",
		   (unsigned)(2 * i + number), number, number, i >> 16, i >> 8 & 255, i & 255,
		   number ? 64 : i >> 16, i >> 8 & 255, i & 255, i >> 16, i >> 8 & 255, i & 255, REGION,
		   (unsigned)(2 * i + number), number);
	buf_printf(b,
		   "<privateIpAddressesSet><item><privateIpAddress>10.%d.%d.%d</"
		   "privateIpAddress><privateDnsName>"
		   "ip-10-%d-%d-%d.%s.compute.internal</privateDnsName><primary>true</primary>",
		   number ? 64 : i >> 16, i >> 8 & 255, i & 255, i >> 16, i >> 8 & 255, i & 255, REGION);
	if (!number)
		buf_printf(
			b,
			"<association><publicIp>203.0.%d.%d</publicIp><publicDnsName/><ipOwnerId>123456789012"
			"</ipOwnerId></association>",
			i >> 8 & 255, i & 255);
	buf_puts(b,
		 "</item></privateIpAddressesSet><ipv6AddressesSet/><interfaceType>interface</interfaceType>"
		 "<operator><managed>false</managed></operator></item>");
}

static void put_tail(struct buf *b)
{
	buf_puts(b,
		 "<ebsOptimized>true</ebsOptimized><enaSupport>true</enaSupport><cpuOptions><coreCount>4</"
		 "coreCount>"
		 "<threadsPerCore>2</threadsPerCore></cpuOptions><capacityReservationSpecification>"
		 "<capacityReservationPreference>open</capacityReservationPreference></"
		 "capacityReservationSpecification>"
		 "<hibernationOptions><configured>false</configured></"
		 "hibernationOptions><enclaveOptions><enabled>false"
		 "</enabled></enclaveOptions><metadataOptions><state>applied</state><httpTokens>required</"
		 "httpTokens>"
		 "<httpPutResponseHopLimit>2</httpPutResponseHopLimit><httpEndpoint>enabled</httpEndpoint>"
		 "<httpProtocolIpv4>enabled</httpProtocolIpv4><httpProtocolIpv6>disabled</httpProtocolIpv6>"
		 "<instanceMetadataTags>disabled</instanceMetadataTags></"
		 "metadataOptions><maintenanceOptions><autoRecovery>"
		 "default</autoRecovery><rebootMigration>default</rebootMigration></"
		 "maintenanceOptions><currentInstanceBootMode>"
		 "legacy-bios</currentInstanceBootMode><platformDetails>Linux/UNIX</"
		 "platformDetails><usageOperation>"
		 "RunInstances</usageOperation><usageOperationUpdateTime>2025-11-02T10:11:12.000Z</"
		 "usageOperationUpdateTime>"
		 "<privateDnsNameOptions><hostnameType>ip-name</"
		 "hostnameType><enableResourceNameDnsARecord>false"
		 "</enableResourceNameDnsARecord><enableResourceNameDnsAAAARecord>false</"
		 "enableResourceNameDnsAAAARecord>"
		 "</privateDnsNameOptions><operator><managed>false</managed></operator></item>");
}

static struct buf make_answer(int instances)
{
	struct buf b = BUF_INIT(LIMIT_EC2_ANSWER_BYTES);

	buf_puts(&b, "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<DescribeInstancesResponse "
		     "xmlns=\"http://ec2.amazonaws.com/doc/2016-11-15/"
		     "\"><requestId>8f7724cf-496f-496e-8fe3-example"
		     "</requestId><reservationSet>");
	for (int i = 0; i < instances; i++) {
		buf_printf(&b,
			   "<item><reservationId>r-%017x</reservationId><ownerId>123456789012</"
			   "ownerId><groupSet/>"
			   "<instancesSet>",
			   (unsigned)i);
		put_head(&b, i);
		put_disks(&b, i);
		put_tags(&b, i);
		buf_puts(&b, "<networkInterfaceSet>");
		put_interface(&b, i, 0);
		if (i % 8 == 0)
			put_interface(&b, i, 1);
		buf_puts(&b, "</networkInterfaceSet>");
		put_tail(&b);
		buf_puts(&b, "</instancesSet></item>");
	}
	buf_puts(&b, "</reservationSet></DescribeInstancesResponse>");
	if (b.failed)
		bench_fail("the answer of %d instances is too large", instances);
	return b;
}

/* --- the readers; each returns MB/s ------------------------------------------------------------------------------ */

static double rate(const struct buf *answer, double us)
{
	return (double)answer->len / us;
}

static void on_start(void *self, const XML_Char *name, const XML_Char **attributes)
{
	(void)self;
	(void)name;
	(void)attributes;
}

static void on_end(void *self, const XML_Char *name)
{
	(void)self;
	(void)name;
}

static void on_text(void *self, const XML_Char *text, int len)
{
	(void)self;
	(void)text;
	(void)len;
}

/* expat alone, in pieces; with empty handlers it at least says what it found. */
static double read_expat(const struct buf *answer, bool handlers)
{
	XML_Parser expat = XML_ParserCreate(NULL);
	double before = thread_cpu_us(), took;

	if (handlers) {
		XML_SetElementHandler(expat, on_start, on_end);
		XML_SetCharacterDataHandler(expat, on_text);
	}
	for (size_t at = 0; at < answer->len; at += PIECE) {
		size_t len = answer->len - at < PIECE ? answer->len - at : PIECE;

		if (XML_Parse(expat, answer->data + at, (int)len, at + len == answer->len) != XML_STATUS_OK)
			bench_fail("expat: %s", XML_ErrorString(XML_GetErrorCode(expat)));
	}
	took = thread_cpu_us() - before;
	XML_ParserFree(expat);
	return rate(answer, took);
}

static struct ec2_report *read_report(const struct buf *answer)
{
	_cleanup_(ec2_builder_freep) struct ec2_builder *builder = ec2_builder_new(REGION);
	struct ec2_answer parsed;
	struct ec2_report *report;
	char why[200];

	if (!builder || !ec2_parse(answer->data, answer->len, builder, NULL, &parsed, why, sizeof why))
		bench_fail("our parser: %s", builder ? why : "out of memory");
	report = ec2_builder_finish(builder);
	if (!report)
		bench_fail("our parser: no report");
	return report;
}

static double read_ours(const struct buf *answer, size_t instances)
{
	double before = thread_cpu_us(), took;
	struct ec2_report *report = read_report(answer);

	took = thread_cpu_us() - before;
	if (report->n_instances != instances)
		bench_fail("our parser found %zu instances", report->n_instances);
	ec2_report_free(report);
	return rate(answer, took);
}

/* --- memory ------------------------------------------------------------------------------------------------------ */

static long status_kb(const char *field)
{
	FILE *f = fopen("/proc/self/status", "re");
	char line[200];
	long kb = -1;

	while (f && fgets(line, sizeof line, f))
		if (!strncmp(line, field, strlen(field)))
			kb = strtol(line + strlen(field), NULL, 10);
	if (f)
		(void)fclose(f);
	return kb;
}

/* Peak beyond what was there with the input, in a process that does nothing else; report included. */
static double peak_mb(const struct buf *answer)
{
	int ends[2];
	double mb = -1;
	pid_t pid;

	if (pipe(ends) != 0)
		bench_fail("pipe");
	(void)fflush(stdout);
	pid = fork();
	if (pid == 0) {
		long before = status_kb("VmRSS:");

		(void)read_report(answer); /* the process ends with it */
		mb = (double)(status_kb("VmHWM:") - before) / 1000;
		_exit(write(ends[1], &mb, sizeof mb) != sizeof mb);
	}
	(void)close(ends[1]);
	if (read(ends[0], &mb, sizeof mb) != sizeof mb || mb < 0)
		bench_fail("the memory could not be measured");
	(void)close(ends[0]);
	(void)waitpid(pid, NULL, 0);
	return mb;
}

/* --- boto3 ------------------------------------------------------------------------------------------------------- */

/* boto3's parser over the file, in a process of its own; false = it is not installed. */
static bool read_boto3(const struct buf *answer, const char *path, double *ret_rate, double *ret_mb)
{
	char script[] = SCRIPT, python[] = PYTHON, no_bytecode[] = "-B",
	     *argv[] = {python, no_bytecode, script, NULL, NULL};
	char file[300], line[200] = "", *envp[] = {NULL};
	double us = 0;
	struct child c;
	int out;

	(void)snprintf(file, sizeof file, "%s", path);
	argv[3] = file;
	c = child_run(PYTHON, argv, envp, &out);
	for (size_t len = 0; len + 1 < sizeof line;) {
		ssize_t n = read(out, line + len, sizeof line - 1 - len);

		if (n <= 0)
			break;
		len += (size_t)n;
	}
	(void)close(out);
	child_end(&c);
	if (sscanf(line, "us=%lf mb=%lf", &us, ret_mb) != 2)
		return false;
	*ret_rate = rate(answer, us);
	return true;
}

static void contest_boto3(void)
{
	static struct samples ours, boto3, memory;
	struct buf answer = make_answer(INSTANCES / BOTO3_SHARE);
	char path[300];
	FILE *f;
	struct samples ratio;
	double speed, mb;

	(void)snprintf(path, sizeof path, "%s/answer.xml", bench_directory());
	f = fopen(path, "we");
	if (!f || fwrite(answer.data, 1, answer.len, f) != answer.len || fclose(f) != 0)
		bench_fail("cannot write %s", path);
	for (int i = 0; i < BOTO3_ROUNDS; i++) {
		if (!read_boto3(&answer, path, &speed, &mb)) {
			table_note("boto3 is not installed (python3-boto3)");
			buf_free(&answer);
			return;
		}
		sample(&boto3, speed);
		sample(&memory, mb);
		sample(&ours, read_ours(&answer, INSTANCES / BOTO3_SHARE));
	}
	ratio = samples_ratio(&ours, &boto3);
	table_row("boto3's parser, 500 instances", &boto3, "MB/s");
	table_goal("burstd / boto3, 500 instances", &ratio, "", GOAL_AT_LEAST, 10);
	table_row("boto3: peak memory beyond its input, 500 instances", &memory, "MB");
	buf_free(&answer);
}

int main(void)
{
	static struct samples ours, bare, mute;
	struct buf answer = make_answer(INSTANCES);
	double mb = peak_mb(&answer);
	struct samples ratio;

	for (int i = 0; i < ROUNDS; i++) {
		sample(&ours, read_ours(&answer, INSTANCES));
		sample(&bare, read_expat(&answer, true));
		sample(&mute, read_expat(&answer, false));
	}
	table_section("DescribeInstances: %d instances, %.1f MB in one answer", INSTANCES,
		      (double)answer.len / 1e6);
	table_row("burstd's parser, to a sorted report", &ours, "MB/s");
	table_row("bare expat in 16 KB pieces, empty handlers", &bare, "MB/s");
	ratio = samples_ratio(&ours, &bare);
	table_goal("burstd / expat with empty handlers", &ratio, "", GOAL_AT_LEAST, 0.9);
	table_row("bare expat in 16 KB pieces, no handlers", &mute, "MB/s");
	ratio = samples_ratio(&ours, &mute);
	table_goal("burstd / expat without handlers", &ratio, "", GOAL_AT_LEAST, 0.9);
	table_figure("burstd: peak memory beyond its input, the report included", mb, "MB", GOAL_AT_MOST, 10);
	buf_free(&answer);
	contest_boto3();
	return 0;
}
