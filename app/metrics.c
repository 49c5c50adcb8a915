// SPDX-License-Identifier: BSD-3-Clause
#include "metrics.h"

#include <stdio.h>
#include <string.h>

#include "counters.h"
#include "figures.h"
#include "version.h"

const char *metrics_lcore_text(uint16_t lcore, char text[METRICS_LCORE_TEXT])
{
	(void)snprintf(text, METRICS_LCORE_TEXT, "%u", lcore);
	return text;
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
				stats_metric_number(&metric, labels, 2,
					counters_sum(app->lcores, lcore, lcore, counter));
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
		uint64_t value = counters_sum(app->lcores, lcore, lcore, counter);
		char number[METRICS_LCORE_TEXT];
		const struct stats_label label = {"lcore", metrics_lcore_text(lcore, number)};

		if (is_time)
			stats_metric_duration(&metric, &label, 1, value);
		else
			stats_metric_number(&metric, &label, 1, value);
	}
}

// One number of each lcore.
struct lcore_metric {
	const char *name;
	enum stats_metric_kind kind;
	const char *help;
	uint64_t (*read)(const struct figures_lcore *figures);
};

static uint64_t read_in_flight(const struct figures_lcore *figures)
{
	return figures->queries_in_flight;
}

static uint64_t read_refreshes(const struct figures_lcore *figures)
{
	return figures->refreshes_in_flight;
}

static uint64_t read_frames_free(const struct figures_lcore *figures)
{
	return figures->frames_free;
}

static uint64_t read_frames_total(const struct figures_lcore *figures)
{
	return figures->frames_total;
}

static uint64_t read_rx_frames(const struct figures_lcore *figures)
{
	return figures->nic.rx_frames;
}

static uint64_t read_tx_frames(const struct figures_lcore *figures)
{
	return figures->nic.tx_frames;
}

static uint64_t read_tx_dropped(const struct figures_lcore *figures)
{
	return figures->nic.tx_dropped;
}

static uint64_t read_rx_segmented(const struct figures_lcore *figures)
{
	return figures->nic.rx_segmented;
}

static const struct lcore_metric lcore_metrics[] = {
	{"millrace_queries_in_flight", STATS_METRIC_GAUGE, "Queries of clients not answered yet.",
		read_in_flight},
	{"millrace_refreshes_in_flight", STATS_METRIC_GAUGE,
		"Queries of caches for nobody, not answered yet.", read_refreshes},
	{"millrace_frame_buffers_free", STATS_METRIC_GAUGE,
		"Buffers of frames that are in no ring and in nobody's hands.", read_frames_free},
	{"millrace_frame_buffers", STATS_METRIC_GAUGE, "Buffers of frames, all told.",
		read_frames_total},
	{"millrace_nic_received_frames_total", STATS_METRIC_COUNTER,
		"Frames handed over by the NIC's queues.", read_rx_frames},
	{"millrace_nic_sent_frames_total", STATS_METRIC_COUNTER, "Frames that the NIC took.",
		read_tx_frames},
	{"millrace_nic_send_drops_total", STATS_METRIC_COUNTER, "Frames that the NIC did not take.",
		read_tx_dropped},
	{"millrace_nic_segmented_frames_total", STATS_METRIC_COUNTER,
		"Frames dropped because they came in several buffers.", read_rx_segmented},
};

static void write_lcore_metric(
	const struct app *app, struct stats_text *text, const struct lcore_metric *of)
{
	struct stats_metric metric = stats_metric_begin(text, of->name, of->kind, of->help);

	for (uint16_t lcore = 0; lcore < app->lcore_count; lcore++) {
		struct figures_lcore figures = figures_lcore(app, lcore);
		char number[METRICS_LCORE_TEXT];
		const struct stats_label label = {"lcore", metrics_lcore_text(lcore, number)};

		stats_metric_number(&metric, &label, 1, of->read(&figures));
	}
}

static void write_ring(
	const struct stats_metric *metric, uint16_t lcore, const char *ring, uint64_t drops)
{
	char number[METRICS_LCORE_TEXT];
	const struct stats_label labels[] = {
		{"lcore", metrics_lcore_text(lcore, number)},
		{"ring", ring},
	};

	stats_metric_number(metric, labels, 2, drops);
}

// What was dropped since the ring to another lcore, or to the kernel, was full.
static void write_ring_drops(const struct app *app, struct stats_text *text)
{
	struct stats_metric metric = stats_metric_begin(text, "millrace_ring_drops_total",
		STATS_METRIC_COUNTER, "What was dropped for want of room on its way to others.");

	for (uint16_t lcore = 0; lcore < app->lcore_count; lcore++) {
		write_ring(&metric, lcore, "hop",
			counters_sum(app->lcores, lcore, lcore, STATS_FRAME_HOP_FULL));
		write_ring(&metric, lcore, "kernel",
			counters_sum(app->lcores, lcore, lcore, STATS_FRAME_KERNEL_FULL));
		write_ring(&metric, lcore, "stream",
			counters_sum(app->lcores, lcore, lcore, STATS_SENT_STREAM_FULL));
	}
	for (uint16_t i = 0; i < app->stream_count; i++) {
		const struct stream_lcore_counters *counters =
			stream_lcore_counters(app->streams[i]);
		uint16_t lcore = (uint16_t)(app->worker_count + i);

		write_ring(&metric, lcore, "replies", base_load(&counters->replies_dropped));
		write_ring(&metric, lcore, "sends", base_load(&counters->sends_dropped));
		write_ring(&metric, lcore, "hops_in", base_load(&counters->hops_dropped));
	}
}

void metrics_write_lcores(const struct app *app, struct stats_text *text)
{
	struct stats_metric metric;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(verdict_metrics); i++)
		write_verdicts(app, text, &verdict_metrics[i]);
	for (int i = 0; i < STATS_COUNTERS; i++) {
		if (!has_verdict_metric(stats_counter_group((enum stats_counter)i)))
			write_counter(app, text, (enum stats_counter)i);
	}
	for (size_t i = 0; i < BASE_ARRAY_SIZE(lcore_metrics); i++)
		write_lcore_metric(app, text, &lcore_metrics[i]);
	write_ring_drops(app, text);
	metric = stats_metric_begin(text, "millrace_kernel_tap_drops_total", STATS_METRIC_COUNTER,
		"Frames lost on their way to or from the kernel's interface.");
	stats_metric_number(&metric, NULL, 0, base_load(&app->tap_dropped));
}
