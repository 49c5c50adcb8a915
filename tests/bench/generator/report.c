// SPDX-License-Identifier: BSD-3-Clause
#include "report.h"

#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <rte_cycles.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

struct report_count {
	const char *name;
	uint64_t value;
};

struct client_counters report_sum(const struct report *report)
{
	struct client_counters sum = {0};

	for (uint32_t i = 0; i < report->count; i++) {
		const struct client_counters *counters = &report->windows[i].counters;

		sum.sent += counters->sent;
		sum.answered += counters->answered;
		sum.failed += counters->failed;
		sum.wrong += counters->wrong;
		sum.late += counters->late;
		sum.lost += counters->lost;
	}
	return sum;
}

static void write_counts(FILE *file, const char *indent, const struct report_count *counts)
{
	for (; counts->name; counts++)
		fprintf(file, "%s\"%s\": %" PRIu64 ",\n", indent, counts->name, counts->value);
}

static void write_counters(FILE *file, const char *indent, const struct client_counters *counters)
{
	const struct report_count counts[] = {
		{"sent", counters->sent},
		{"answered", counters->answered},
		{"failed", counters->failed},
		{"wrong", counters->wrong},
		{"late", counters->late},
		{"lost", counters->lost},
		{NULL, 0},
	};

	write_counts(file, indent, counts);
}

static void write_latency(FILE *file, const char *indent, const struct latency *latency)
{
	const struct {
		const char *name;
		double seconds;
	} figures[] = {
		{"p50", latency->p50},
		{"p90", latency->p90},
		{"p99", latency->p99},
		{"p999", latency->p999},
		{"max", latency->most},
	};

	for (size_t i = 0; i < sizeof(figures) / sizeof(figures[0]); i++)
		fprintf(file, "%s\"%s_us\": %.3f,\n", indent, figures[i].name,
			figures[i].seconds * 1e6);
}

static void write_window(FILE *file, const struct window *window, bool circulates)
{
	fprintf(file, "\t\t{\n");
	fprintf(file, "\t\t\t\"%s\": %.0f,\n", circulates ? "pps" : "qps", window->per_second);
	if (!circulates) {
		write_counters(file, "\t\t\t", &window->counters);
		write_latency(file, "\t\t\t", &window->latency);
		fprintf(file, "\t\t\t\"in_flight\": %.0f,\n", window->in_flight);
	}
	fprintf(file, "\t\t\t\"held_back\": %" PRIu64 ",\n", window->held_back);
	fprintf(file, "\t\t\t\"longest_pause_us\": %.1f,\n", window->longest_pause * 1e6);
	fprintf(file, "\t\t\t\"paused_us\": %.1f,\n", window->paused * 1e6);
	fprintf(file, "\t\t\t\"stolen_ms\": %" PRIu64 ",\n", window->stolen_milliseconds);
	fprintf(file, "\t\t\t\"idle_share\": %.4f,\n", window->idle_share);
	fprintf(file, "\t\t\t\"seconds\": %.3f\n\t\t}", window->seconds);
}

static void write_report(FILE *file, const struct report *report)
{
	const struct generator *generator = report->generator;
	struct client_counters sum = report_sum(report);
	struct latency latency = latency_read(&report->latency);
	const struct report_count counts[] = {
		{"in_flight_most", generator->client.in_flight_most},
		{"wrong_length", generator->circulation.wrong},
		{"upstream_answers", generator->upstream.answered},
		{"upstream_strange", generator->upstream.strange},
		{"upstream_overflow", generator->upstream.overflow},
		{"cycles_per_second", rte_get_tsc_hz()},
		{"rate", generator->options.rate},
		{NULL, 0},
	};

	fprintf(file, "{\n");
	write_counters(file, "\t", &sum);
	write_latency(file, "\t", &latency);
	write_counts(file, "\t", counts);
	fprintf(file, "\t\"windows\": [\n");
	for (uint32_t i = 0; i < report->count; i++) {
		write_window(file, &report->windows[i], generator->options.circulates);
		fprintf(file, i + 1 < report->count ? ",\n" : "\n");
	}
	fprintf(file, "\t]\n}\n");
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
	const char *path = report->generator->options.json;
	int status = 0;

	if (path)
		status = write_file(path, report);
	else
		write_report(stdout, report);
	if (status)
		log_error("%s: %s", path, strerror(-status));
	return status;
}
