// SPDX-License-Identifier: BSD-3-Clause
// Connections of clients over TCP and TLS.
#include "figures.h"
#include "metrics.h"

// One number of each stream lcore.
struct client_metric {
	const char *name;
	enum stats_metric_kind kind;
	const char *help;
	uint64_t (*read)(const struct stream_clients_counters *counters);
};

static uint64_t read_open(const struct stream_clients_counters *counters)
{
	return counters->open;
}

static uint64_t read_in_flight(const struct stream_clients_counters *counters)
{
	return counters->in_flight;
}

static uint64_t read_accepted(const struct stream_clients_counters *counters)
{
	return counters->accepted;
}

static uint64_t read_handshakes(const struct stream_clients_counters *counters)
{
	return counters->handshakes;
}

static uint64_t read_resumed(const struct stream_clients_counters *counters)
{
	return counters->resumed;
}

static const struct client_metric client_metrics[] = {
	{"millrace_client_connections", STATS_METRIC_GAUGE, "Connections of clients that are open.",
		read_open},
	{"millrace_client_connection_queries", STATS_METRIC_GAUGE,
		"Queries over connections of clients, not answered yet.", read_in_flight},
	{"millrace_client_connections_accepted_total", STATS_METRIC_COUNTER,
		"Connections of clients that were accepted.", read_accepted},
	{"millrace_client_handshakes_total", STATS_METRIC_COUNTER,
		"Handshakes of TLS with clients that were done.", read_handshakes},
	{"millrace_client_handshakes_resumed_total", STATS_METRIC_COUNTER,
		"Handshakes of TLS with clients that came with a ticket.", read_resumed},
};

static struct stream_clients_counters read_counters(const struct app *app, uint16_t stream)
{
	struct stream_clients_counters counters = {0};

	figures_add_clients(&counters, stream_lcore_clients(app->streams[stream]));
	return counters;
}

static void write_metric(
	const struct app *app, struct stats_text *text, const struct client_metric *of)
{
	struct stats_metric metric = stats_metric_begin(text, of->name, of->kind, of->help);

	for (uint16_t i = 0; i < app->stream_count; i++) {
		struct stream_clients_counters counters = read_counters(app, i);
		char number[METRICS_LCORE_TEXT];
		const struct stats_label label = {
			"lcore", metrics_lcore_text((uint16_t)(app->worker_count + i), number)};

		stats_metric_number(&metric, &label, 1, of->read(&counters));
	}
}

static void write_reason(
	const struct stats_metric *metric, uint16_t lcore, const char *reason, uint64_t count)
{
	char number[METRICS_LCORE_TEXT];
	const struct stats_label labels[] = {
		{"lcore", metrics_lcore_text(lcore, number)},
		{"reason", reason},
	};

	stats_metric_number(metric, labels, 2, count);
}

static void write_closed(const struct app *app, struct stats_text *text)
{
	struct stats_metric metric =
		stats_metric_begin(text, "millrace_client_connections_closed_total",
			STATS_METRIC_COUNTER, "Connections of clients that were closed, by why.");

	for (uint16_t i = 0; i < app->stream_count; i++) {
		struct stream_clients_counters counters = read_counters(app, i);

		for (int why = 0; why < STREAM_CLOSE_REASONS; why++)
			write_reason(&metric, (uint16_t)(app->worker_count + i),
				stream_close_reason_name((enum stream_close_reason)why),
				counters.closed[why]);
	}
}

static void write_refused(const struct app *app, struct stats_text *text)
{
	struct stats_metric metric = stats_metric_begin(text,
		"millrace_client_connections_refused_total", STATS_METRIC_COUNTER,
		"Connections of clients that were not accepted, by why.");

	for (uint16_t i = 0; i < app->stream_count; i++) {
		struct stream_clients_counters counters = read_counters(app, i);
		uint16_t lcore = (uint16_t)(app->worker_count + i);

		write_reason(&metric, lcore, "full", counters.refused_full);
		write_reason(&metric, lcore, "prefix", counters.refused_prefix);
		write_reason(&metric, lcore, "error", counters.accept_errors);
	}
}

void metrics_write_clients(const struct app *app, struct stats_text *text)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(client_metrics); i++)
		write_metric(app, text, &client_metrics[i]);
	write_closed(app, text);
	write_refused(app, text);
}
