// SPDX-License-Identifier: BSD-3-Clause
#include "report.h"

#include <errno.h>
#include <inttypes.h>
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

int report_write(const struct report *report)
{
	FILE *file = report->path ? fopen(report->path, "w") : stdout;
	int status;

	if (!file) {
		status = -errno;
		log_error("%s: %s", report->path, strerror(-status));
		return status;
	}
	fprintf(file, "{\n");
	fprintf(file, "  \"%s\": %.0f,\n", report->latency ? "qps" : "pps", report->per_second);
	write_counts(file, report);
	if (report->latency)
		write_latency(file, report->latency);
	fprintf(file, "  \"in_flight\": %.0f,\n", report->in_flight);
	fprintf(file, "  \"cycles_per_second\": %.0f,\n", report->cycles_per_second);
	fprintf(file, "  \"idle_share\": %.4f,\n", report->idle_share);
	fprintf(file, "  \"seconds\": %.3f\n}\n", report->seconds);
	status = ferror(file) ? -EIO : 0;
	if (fflush(file) || (report->path && fclose(file)))
		status = -errno;
	if (status)
		log_error("%s: %s", report->path ? report->path : "standard output",
			strerror(-status));
	return status;
}
