// SPDX-License-Identifier: BSD-3-Clause
// Connections of clients over TCP and TLS, by stream lcore.
#include "metrics.h"
#include "metrics_row.h"

#define CLIENTS(field) NUMBER_FIELD(struct stream_clients_counters, field)

static const char *close_reason(int reason)
{
	return stream_close_reason_name((enum stream_close_reason)reason);
}

static const struct metrics_row rows[] = {
	{"millrace_client_connections", STATS_METRIC_GAUGE, "Connections of clients that are open.",
		CLIENTS(open)},
	{"millrace_client_connection_queries", STATS_METRIC_GAUGE,
		"Queries over connections of clients, not answered yet.", CLIENTS(in_flight)},
	{"millrace_client_connections_accepted_total", STATS_METRIC_COUNTER,
		"Connections of clients that were accepted.", CLIENTS(accepted)},
	{"millrace_client_handshakes_total", STATS_METRIC_COUNTER,
		"Handshakes of TLS with clients that were done.", CLIENTS(handshakes)},
	{"millrace_client_handshakes_resumed_total", STATS_METRIC_COUNTER,
		"Handshakes of TLS with clients that came with a ticket.", CLIENTS(resumed)},
	{"millrace_client_connections_closed_total", STATS_METRIC_COUNTER,
		"Connections of clients that were closed, by why.", CLIENTS(closed),
		.label = "reason", .value_of = close_reason},
	{"millrace_client_connections_refused_total", STATS_METRIC_COUNTER,
		"Connections of clients that were not accepted, by why.", .label = "reason",
		.parts = {{"full", CLIENTS(refused_full)}, {"prefix", CLIENTS(refused_prefix)},
			{"error", CLIENTS(accept_errors)}}},
};

static void write_row(const struct app *app, struct stats_text *text, const struct metrics_row *row)
{
	struct stats_metric metric = metrics_row_begin(text, row);

	for (uint16_t i = 0; i < app->stream_count; i++) {
		char number[METRICS_LCORE_TEXT];
		const struct stats_label label = {
			"lcore", metrics_lcore_text((uint16_t)(app->worker_count + i), number)};

		metrics_row_write(&metric, row, &label, 1, stream_lcore_clients(app->streams[i]));
	}
}

void metrics_write_clients(const struct app *app, struct stats_text *text)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(rows); i++)
		write_row(app, text, &rows[i]);
}
