// SPDX-License-Identifier: BSD-3-Clause
#include "metrics.h"

#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "figures.h"
#include "metrics_row.h"
#include "version.h"

const char *metrics_lcore_text(uint16_t lcore, char text[METRICS_LCORE_TEXT])
{
	(void)snprintf(text, METRICS_LCORE_TEXT, "%u", lcore);
	return text;
}

void metrics_write_total(
	struct stats_text *text, const char *name, const char *help, uint64_t total)
{
	struct stats_metric metric = stats_metric_begin(text, name, STATS_METRIC_COUNTER, help);

	stats_metric_number(&metric, NULL, 0, total);
}

void metrics_write(const struct app *app, struct stats_text *text)
{
	const struct stats_label version = {"version", MILLRACE_VERSION};
	struct stats_metric metric = stats_metric_begin(text, "millrace_build_info",
		STATS_METRIC_GAUGE, "The program that runs, always 1.");

	stats_metric_number(&metric, &version, 1, 1);
	metrics_write_upstreams(app, text);
	metrics_write_names(app, text);
	metrics_write_caches(app, text);
	metrics_write_lcores(app, text);
	metrics_write_clients(app, text);
}

// A metric of the counters of a group, each a value of the label "verdict".
struct verdict_metric {
	enum stats_group group;
	const char *prefix; // of their names
	const char *name;
	const char *help;
};

static const struct verdict_metric verdict_metrics[] = {
	{STATS_GROUP_QUERY, "query_", "millrace_queries_total",
		"Queries of clients by what became of them."},
	{STATS_GROUP_FRAME, "frame_", "millrace_frames_total",
		"Frames received by what they were, or why they were dropped."},
	{STATS_GROUP_REPLY, "reply_", "millrace_replies_total",
		"Replies of upstreams by what became of them."},
	{STATS_GROUP_ICMP, "icmp_", "millrace_icmp_errors_total",
		"ICMP errors about local ports by what became of them."},
};

static bool has_verdict_metric(enum stats_group group)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(verdict_metrics); i++) {
		if (verdict_metrics[i].group == group)
			return true;
	}
	return false;
}

static void write_verdicts(
	const struct app *app, struct stats_text *text, const struct verdict_metric *of)
{
	struct stats_metric metric =
		stats_metric_begin(text, of->name, STATS_METRIC_COUNTER, of->help);

	for (uint16_t lcore = 0; lcore < app->lcore_count; lcore++) {
		char number[METRICS_LCORE_TEXT];

		for (int i = 0; i < STATS_COUNTERS; i++) {
			enum stats_counter counter = (enum stats_counter)i;
			const struct stats_label labels[] = {
				{"lcore", metrics_lcore_text(lcore, number)},
				{"verdict", stats_counter_name(counter) + strlen(of->prefix)},
			};

			if (stats_counter_group(counter) == of->group)
				stats_metric_number(
					&metric, labels, 2, counters_of_lcore(app, lcore, counter));
		}
	}
}

// A counter that is no verdict is a metric of its own.
static void write_counter(
	const struct app *app, struct stats_text *text, enum stats_counter counter)
{
	bool is_time = counter == STATS_BUSY_NANOSECONDS;
	struct stats_metric metric;
	char name[96];

	(void)snprintf(name, sizeof(name), "millrace_%s_total",
		is_time ? "busy_seconds" : stats_counter_name(counter));
	metric = stats_metric_begin(text, name, STATS_METRIC_COUNTER, stats_counter_help(counter));
	for (uint16_t lcore = 0; lcore < app->lcore_count; lcore++) {
		uint64_t value = counters_of_lcore(app, lcore, counter);
		char number[METRICS_LCORE_TEXT];
		const struct stats_label label = {"lcore", metrics_lcore_text(lcore, number)};

		if (is_time)
			stats_metric_duration(&metric, &label, 1, value);
		else
			stats_metric_number(&metric, &label, 1, value);
	}
}

#define LCORE(field) NUMBER_FIELD(struct figures_lcore, field)

static const struct metrics_row lcore_rows[] = {
	{"millrace_queries_in_flight", STATS_METRIC_GAUGE, "Queries of clients not answered yet.",
		LCORE(queries_in_flight)},
	{"millrace_refreshes_in_flight", STATS_METRIC_GAUGE,
		"Queries of caches for nobody, not answered yet.", LCORE(refreshes_in_flight)},
	{"millrace_frame_buffers_free", STATS_METRIC_GAUGE,
		"Buffers of frames that are in no ring and in nobody's hands.", LCORE(frames_free)},
	{"millrace_frame_buffers", STATS_METRIC_GAUGE, "Buffers of frames, all told.",
		LCORE(frames_total)},
	{"millrace_nic_received_frames_total", STATS_METRIC_COUNTER,
		"Frames handed over by the NIC's queues.", LCORE(nic.rx_frames)},
	{"millrace_nic_sent_frames_total", STATS_METRIC_COUNTER, "Frames that the NIC took.",
		LCORE(nic.tx_frames)},
	{"millrace_nic_send_drops_total", STATS_METRIC_COUNTER, "Frames that the NIC did not take.",
		LCORE(nic.tx_dropped)},
	{"millrace_nic_segmented_frames_total", STATS_METRIC_COUNTER,
		"Frames dropped because they came in several buffers.", LCORE(nic.rx_segmented)},
};

static void write_lcore_row(
	const struct app *app, struct stats_text *text, const struct metrics_row *row)
{
	struct stats_metric metric = metrics_row_begin(text, row);

	for (uint16_t lcore = 0; lcore < app->lcore_count; lcore++) {
		struct figures_lcore figures = figures_lcore(app, lcore);
		char number[METRICS_LCORE_TEXT];
		const struct stats_label label = {"lcore", metrics_lcore_text(lcore, number)};

		metrics_row_write(&metric, row, &label, 1, &figures);
	}
}

#define COUNTER(counter) NUMBER_FIELD(struct stats_counters, values[STATS_##counter])
#define STREAM(field) NUMBER_FIELD(struct stream_lcore_counters, field)

// What was dropped since the ring to another lcore, or to the kernel, was full.
static const struct metrics_row ring_row = {"millrace_ring_drops_total", STATS_METRIC_COUNTER,
	"What was dropped for want of room on its way to others.", .label = "ring",
	.parts = {{"hop", COUNTER(FRAME_HOP_FULL)}, {"kernel", COUNTER(FRAME_KERNEL_FULL)},
		{"stream", COUNTER(SENT_STREAM_FULL)}}};

// More samples of the same, which stream lcores alone have.
static const struct metrics_row stream_ring_row = {.label = "ring",
	.parts = {{"replies", STREAM(replies_dropped)}, {"sends", STREAM(sends_dropped)},
		{"hops_in", STREAM(hops_dropped)}}};

static void write_ring_drops(const struct app *app, struct stats_text *text)
{
	struct stats_metric metric = metrics_row_begin(text, &ring_row);
	char number[METRICS_LCORE_TEXT];

	for (uint16_t lcore = 0; lcore < app->lcore_count; lcore++) {
		const struct stats_label label = {"lcore", metrics_lcore_text(lcore, number)};

		metrics_row_write(
			&metric, &ring_row, &label, 1, forward_lcore_counters(app->lcores[lcore]));
	}
	for (uint16_t i = 0; i < app->stream_count; i++) {
		uint16_t lcore = (uint16_t)(app->worker_count + i);
		const struct stats_label label = {"lcore", metrics_lcore_text(lcore, number)};

		metrics_row_write(&metric, &stream_ring_row, &label, 1,
			stream_lcore_counters(app->streams[i]));
	}
}

void metrics_write_lcores(const struct app *app, struct stats_text *text)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(verdict_metrics); i++)
		write_verdicts(app, text, &verdict_metrics[i]);
	for (int i = 0; i < STATS_COUNTERS; i++) {
		if (!has_verdict_metric(stats_counter_group((enum stats_counter)i)))
			write_counter(app, text, (enum stats_counter)i);
	}
	for (size_t i = 0; i < BASE_ARRAY_SIZE(lcore_rows); i++)
		write_lcore_row(app, text, &lcore_rows[i]);
	write_ring_drops(app, text);
	metrics_write_total(text, "millrace_kernel_tap_drops_total",
		"Frames lost on their way to or from the kernel's interface.",
		base_load(&app->tap_dropped));
}
