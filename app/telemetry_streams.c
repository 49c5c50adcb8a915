// SPDX-License-Identifier: BSD-3-Clause
#include "telemetry_streams.h"

#include <stdio.h>

#include "figures.h"
#include "telemetry.h"

static void add(uint64_t *sum, const uint64_t *counter)
{
	*sum += base_load(counter);
}

static void add_closed(struct rte_tel_data *data, const struct stream_clients_counters *sum)
{
	for (int i = 0; i < STREAM_CLOSE_REASONS; i++) {
		char key[RTE_TEL_MAX_STRING_LEN];

		snprintf(key, sizeof(key), "closed_%s",
			stream_close_reason_name((enum stream_close_reason)i));
		rte_tel_data_add_dict_u64(data, key, sum->closed[i]);
	}
}

// Over all stream lcores.
static int answer_clients(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	struct stream_clients_counters sum = {0};

	(void)parameters;
	for (uint16_t i = 0; i < app->stream_count; i++)
		figures_add_clients(&sum, stream_lcore_clients(app->streams[i]));
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_u64(data, "open", sum.open);
	rte_tel_data_add_dict_u64(data, "in_flight", sum.in_flight);
	rte_tel_data_add_dict_u64(data, "accepted", sum.accepted);
	rte_tel_data_add_dict_u64(data, "refused_full", sum.refused_full);
	rte_tel_data_add_dict_u64(data, "refused_prefix", sum.refused_prefix);
	rte_tel_data_add_dict_u64(data, "accept_errors", sum.accept_errors);
	rte_tel_data_add_dict_u64(data, "handshakes", sum.handshakes);
	rte_tel_data_add_dict_u64(data, "resumed", sum.resumed);
	rte_tel_data_add_dict_u64(data, "queries", sum.queries);
	rte_tel_data_add_dict_u64(data, "answers", sum.answers);
	rte_tel_data_add_dict_u64(data, "dropped", sum.dropped);
	rte_tel_data_add_dict_u64(data, "late", sum.late);
	rte_tel_data_add_dict_u64(data, "paused", sum.paused);
	add_closed(data, &sum);
	return 0;
}

// One upstream over TCP and TLS, on all stream lcores.
static void add_upstream(struct rte_tel_data *data, const struct app *app, uint16_t upstream)
{
	struct proxy_stream_counts sum = {0};
	struct stream_upstream_counts tls = {0};

	for (uint16_t i = 0; i < app->stream_count; i++) {
		const struct proxy_stream_counts *counts =
			stream_lcore_asked(app->streams[i], upstream);
		const struct stream_upstream_counts *sockets =
			stream_lcore_sockets(app->streams[i], upstream);

		add(&sum.asked, &counts->asked);
		add(&sum.asked_again, &counts->asked_again);
		add(&sum.answered, &counts->answered);
		add(&sum.late, &counts->late);
		add(&sum.mismatched, &counts->mismatched);
		add(&sum.opened, &counts->opened);
		add(&tls.handshakes, &sockets->handshakes);
		add(&tls.resumed, &sockets->resumed);
		add(&tls.tls_failed, &sockets->tls_failed);
		add(&tls.malformed, &sockets->malformed);
		for (int j = 0; j < STREAM_HTTP2_FAILURES; j++)
			add(&tls.http_failed[j], &sockets->http_failed[j]);
		add(&tls.http_refused, &sockets->http_refused);
		add(&tls.http_closing, &sockets->http_closing);
	}
	telemetry_add_u64(data, upstream, "asked", sum.asked);
	telemetry_add_u64(data, upstream, "asked_again", sum.asked_again);
	telemetry_add_u64(data, upstream, "answered", sum.answered);
	telemetry_add_u64(data, upstream, "late", sum.late);
	telemetry_add_u64(data, upstream, "mismatched", sum.mismatched);
	telemetry_add_u64(data, upstream, "opened", sum.opened);
	telemetry_add_u64(data, upstream, "handshakes", tls.handshakes);
	telemetry_add_u64(data, upstream, "resumed", tls.resumed);
	telemetry_add_u64(data, upstream, "tls_failed", tls.tls_failed);
	telemetry_add_u64(data, upstream, "malformed", tls.malformed);
	telemetry_add_u64(data, upstream, "http_status", tls.http_failed[STREAM_HTTP2_STATUS]);
	telemetry_add_u64(data, upstream, "http_type", tls.http_failed[STREAM_HTTP2_TYPE]);
	telemetry_add_u64(data, upstream, "http_length", tls.http_failed[STREAM_HTTP2_LENGTH]);
	telemetry_add_u64(data, upstream, "http_reset", tls.http_failed[STREAM_HTTP2_RESET]);
	telemetry_add_u64(data, upstream, "http_refused", tls.http_refused);
	telemetry_add_u64(data, upstream, "http_closing", tls.http_closing);
}

static int answer_upstreams(
	const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	struct stream_lcore_counters sum = {0};
	int error = telemetry_answer_by_upstream(app, parameters, data, add_upstream);

	for (uint16_t i = 0; i < app->stream_count; i++) {
		const struct stream_lcore_counters *counters =
			stream_lcore_counters(app->streams[i]);

		add(&sum.replies_dropped, &counters->replies_dropped);
		add(&sum.sends_dropped, &counters->sends_dropped);
		add(&sum.hops_dropped, &counters->hops_dropped);
	}
	if (error)
		return error;
	rte_tel_data_add_dict_u64(data, "replies_dropped", sum.replies_dropped);
	rte_tel_data_add_dict_u64(data, "sends_dropped", sum.sends_dropped);
	rte_tel_data_add_dict_u64(data, "hops_dropped", sum.hops_dropped);
	return 0;
}

static int command_upstreams(const char *command, const char *parameters, struct rte_tel_data *data)
{
	(void)command;
	return telemetry_answer(parameters, data, answer_upstreams);
}

static int command_clients(const char *command, const char *parameters, struct rte_tel_data *data)
{
	(void)command;
	return telemetry_answer(parameters, data, answer_clients);
}

int telemetry_streams_register(void)
{
	int error = rte_telemetry_register_cmd("/millrace/clients", command_clients,
		"Connections of clients over TCP and TLS, and why they were closed");

	if (!error)
		error = rte_telemetry_register_cmd("/millrace/stream_upstreams", command_upstreams,
			"Exchanges over TCP and TLS an upstream. Parameters: first upstream "
			"(optional)");
	return error;
}
