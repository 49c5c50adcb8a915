// SPDX-License-Identifier: BSD-3-Clause
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

static double microseconds(const struct histogram *histogram, uint32_t parts)
{
	return (double)histogram_quantile(histogram, parts) / 1000;
}

static void write_latency(FILE *file, const struct histogram *latency)
{
	fprintf(file, "  \"p50_us\": %.3f,\n", microseconds(latency, 500000));
	fprintf(file, "  \"p90_us\": %.3f,\n", microseconds(latency, 900000));
	fprintf(file, "  \"p99_us\": %.3f,\n", microseconds(latency, 990000));
	fprintf(file, "  \"p999_us\": %.3f,\n", microseconds(latency, 999000));
	fprintf(file, "  \"max_us\": %.3f,\n", (double)latency->most / 1000);
}

static void write_counts(FILE *file, const struct report *report)
{
	const struct {
		const char *name;
		uint64_t value;
	} counts[] = {
		{"sent", report->sent},
		{"answered", report->answered},
		{"failed", report->failed},
		{"wrong", report->wrong},
		{"late", report->late},
		{"lost", report->lost},
		{"upstream_answers", report->upstream_answers},
		{"upstream_strange", report->upstream_strange},
		{"held_back", report->held_back},
	};

	for (size_t i = 0; i < sizeof(counts) / sizeof(counts[0]); i++)
		fprintf(file, "  \"%s\": %" PRIu64 ",\n", counts[i].name, counts[i].value);
}

static void write_report(FILE *file, const struct report *report)
{
	fprintf(file, "{\n");
	fprintf(file, "  \"%s\": %.0f,\n", report->latency ? "qps" : "pps", report->per_second);
	write_counts(file, report);
	if (report->latency)
		write_latency(file, report->latency);
	fprintf(file, "  \"in_flight\": %.0f,\n", report->in_flight);
	fprintf(file, "  \"cycles_per_second\": %.0f,\n", report->cycles_per_second);
	fprintf(file, "  \"longest_pause_us\": %.1f,\n", report->longest_pause * 1e6);
	fprintf(file, "  \"idle_share\": %.4f,\n", report->idle_share);
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

int report_write(const struct report *report)
{
	int status = 0;

	if (report->path)
		status = write_file(report->path, report);
	else
		write_report(stdout, report);
	if (status)
		log_error("%s: %s", report->path, strerror(-status));
	return status;
}
