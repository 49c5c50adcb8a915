// SPDX-License-Identifier: BSD-3-Clause
// What telemetry says of TCP and TLS: of clients, and of exchanges with upstreams.
#include <stdio.h>

#include "number_field.h"
#include "telemetry.h"

struct number {
	const char *name;
	struct number_field field;
};

#define CLIENTS(field) NUMBER_FIELD(struct stream_clients_counters, field)
#define ASKED(field) NUMBER_FIELD(struct proxy_stream_counts, field)
#define SOCKETS(field) NUMBER_FIELD(struct stream_upstream_counts, field)
#define RINGS(field) NUMBER_FIELD(struct stream_lcore_counters, field)

static const struct number client_numbers[] = {
	{"open", CLIENTS(open)},
	{"in_flight", CLIENTS(in_flight)},
	{"accepted", CLIENTS(accepted)},
	{"refused_full", CLIENTS(refused_full)},
	{"refused_prefix", CLIENTS(refused_prefix)},
	{"accept_errors", CLIENTS(accept_errors)},
	{"handshakes", CLIENTS(handshakes)},
	{"resumed", CLIENTS(resumed)},
	{"queries", CLIENTS(queries)},
	{"answers", CLIENTS(answers)},
	{"dropped", CLIENTS(dropped)},
	{"late", CLIENTS(late)},
	{"paused", CLIENTS(paused)},
};

// Of one upstream.
static const struct number exchange_numbers[] = {
	{"asked", ASKED(asked)},
	{"asked_again", ASKED(asked_again)},
	{"answered", ASKED(answered)},
	{"late", ASKED(late)},
	{"mismatched", ASKED(mismatched)},
	{"opened", ASKED(opened)},
};

static const struct number socket_numbers[] = {
	{"handshakes", SOCKETS(handshakes)},
	{"resumed", SOCKETS(resumed)},
	{"tls_failed", SOCKETS(tls_failed)},
	{"malformed", SOCKETS(malformed)},
	{"http_status", SOCKETS(http_failed[STREAM_HTTP2_STATUS])},
	{"http_type", SOCKETS(http_failed[STREAM_HTTP2_TYPE])},
	{"http_length", SOCKETS(http_failed[STREAM_HTTP2_LENGTH])},
	{"http_reset", SOCKETS(http_failed[STREAM_HTTP2_RESET])},
	{"http_refused", SOCKETS(http_refused)},
	{"http_closing", SOCKETS(http_closing)},
	{"record_trials", SOCKETS(record_trials)},
	{"record_trials_passed", SOCKETS(record_trials_passed)},
	{"records_overlooked", SOCKETS(records_overlooked)},
};

// Of all upstreams together.
static const struct number ring_numbers[] = {
	{"replies_dropped", RINGS(replies_dropped)},
	{"sends_dropped", RINGS(sends_dropped)},
	{"hops_dropped", RINGS(hops_dropped)},
};

// Over stream lcores, of each of which `of` has the struct.
static uint64_t sum(const struct number_field *field, const void *const of[], uint16_t count)
{
	uint64_t result = 0;

	for (uint16_t i = 0; i < count; i++)
		result += number_field_read(field, of[i]);
	return result;
}

static int answer_clients(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	const void *clients[STREAM_LCORES_MOST] = {0};

	(void)parameters;
	for (uint16_t i = 0; i < app->stream_count; i++)
		clients[i] = stream_lcore_clients(app->streams[i]);
	rte_tel_data_start_dict(data);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(client_numbers); i++)
		rte_tel_data_add_dict_u64(data, client_numbers[i].name,
			sum(&client_numbers[i].field, clients, app->stream_count));
	for (int i = 0; i < STREAM_CLOSE_REASONS; i++) {
		const struct number_field field = CLIENTS(closed[i]);
		char key[RTE_TEL_MAX_STRING_LEN];

		snprintf(key, sizeof(key), "closed_%s",
			stream_close_reason_name((enum stream_close_reason)i));
		rte_tel_data_add_dict_u64(data, key, sum(&field, clients, app->stream_count));
	}
	return 0;
}

static void add_upstream(struct rte_tel_data *data, const struct app *app, uint16_t upstream)
{
	const void *asked[STREAM_LCORES_MOST] = {0};
	const void *sockets[STREAM_LCORES_MOST] = {0};

	for (uint16_t i = 0; i < app->stream_count; i++) {
		asked[i] = stream_lcore_asked(app->streams[i], upstream);
		sockets[i] = stream_lcore_sockets(app->streams[i], upstream);
	}
	for (size_t i = 0; i < BASE_ARRAY_SIZE(exchange_numbers); i++)
		telemetry_add_u64(data, upstream, exchange_numbers[i].name,
			sum(&exchange_numbers[i].field, asked, app->stream_count));
	for (size_t i = 0; i < BASE_ARRAY_SIZE(socket_numbers); i++)
		telemetry_add_u64(data, upstream, socket_numbers[i].name,
			sum(&socket_numbers[i].field, sockets, app->stream_count));
}

static int answer_upstreams(
	const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	const void *lcores[STREAM_LCORES_MOST] = {0};
	int error = telemetry_answer_by_upstream(app, parameters, data, add_upstream);

	if (error)
		return error;
	for (uint16_t i = 0; i < app->stream_count; i++)
		lcores[i] = stream_lcore_counters(app->streams[i]);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(ring_numbers); i++)
		rte_tel_data_add_dict_u64(data, ring_numbers[i].name,
			sum(&ring_numbers[i].field, lcores, app->stream_count));
	return 0;
}

const struct telemetry_command telemetry_stream_commands[] = {
	{"/millrace/clients", answer_clients,
		"Connections of clients over TCP and TLS, and why they were closed"},
	{"/millrace/stream_upstreams", answer_upstreams,
		"Exchanges over TCP and TLS an upstream. Parameters: first upstream (optional)"},
	{NULL},
};
