// SPDX-License-Identifier: BSD-3-Clause
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

// The end of the bucket below which this many of a thousand lie.
static uint32_t quantile(const struct load_state *state, uint32_t thousandths)
{
	uint64_t total = 0, seen = 0;

	for (uint32_t i = 0; i < LOAD_LATENCIES; i++)
		total += state->latencies[i];
	for (uint32_t i = 0; i < LOAD_LATENCIES; i++) {
		seen += state->latencies[i];
		if (seen * 1000 >= total * thousandths)
			return i + 1;
	}
	return LOAD_LATENCIES;
}

static void write_report(FILE *file, const struct report *report)
{
	const struct load_counters *counters = &report->state->counters;
	double busy = report->forwarder_busy * report->seconds * 1e9;

	fprintf(file, "{\n");
	fprintf(file, "  \"qps\": %.0f,\n", report->queries / report->seconds);
	fprintf(file, "  \"answered\": %" PRIu64 ",\n", (uint64_t)counters->answered);
	fprintf(file, "  \"failed\": %" PRIu64 ",\n", (uint64_t)counters->failed);
	fprintf(file, "  \"wrong\": %" PRIu64 ",\n", (uint64_t)counters->wrong);
	fprintf(file, "  \"late\": %" PRIu64 ",\n", (uint64_t)counters->late);
	fprintf(file, "  \"lost\": %" PRIu64 ",\n", report->lost);
	fprintf(file, "  \"upstream_answers\": %" PRIu64 ",\n",
		(uint64_t)counters->upstream_answers);
	fprintf(file, "  \"upstream_strange\": %" PRIu64 ",\n",
		(uint64_t)counters->upstream_strange);
	fprintf(file, "  \"p50_us\": %u,\n", quantile(report->state, 500));
	fprintf(file, "  \"p99_us\": %u,\n", quantile(report->state, 990));
	fprintf(file, "  \"p999_us\": %u,\n", quantile(report->state, 999));
	fprintf(file, "  \"cpu_ns_per_query\": %.0f,\n",
		report->queries > 0 ? busy / report->queries : 0);
	fprintf(file, "  \"forwarder_busy\": %.3f,\n", report->forwarder_busy);
	fprintf(file, "  \"load_busy\": %.3f,\n", report->load_busy);
	fprintf(file, "  \"seconds\": %.3f\n}\n", report->seconds);
}

static int write_file(const char *path, const struct report *report)
{
	char unfinished[PATH_MAX];
	FILE *file;
	int status;

	if (snprintf(unfinished, sizeof(unfinished), "%s.unfinished", path) >= PATH_MAX)
		return -ENAMETOOLONG;
	file = fopen(unfinished, "w");
	if (!file)
		return -errno;
	write_report(file, report);
	status = ferror(file) ? -EIO : 0;
	if (fclose(file) || (status == 0 && rename(unfinished, path)))
		status = -errno;
	return status;
}

int report_write(const struct report *report, const char *path)
{
	int status = 0;

	if (path)
		status = write_file(path, report);
	else
		write_report(stdout, report);
	if (status)
		log_error("%s: %s", path, strerror(-status));
	return status;
}
