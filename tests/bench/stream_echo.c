// SPDX-License-Identifier: BSD-3-Clause
// A server on top of stream/ alone: every query comes back with QR set, and with the record that
// millrace-veth-load wants for its names. What dnsperf gets of it is what the client side of a stream
// lcore costs without a forwarder behind it.
//
// usage: stream_echo ADDRESS PORT [CERTIFICATE KEY]     SIGTERM ends it, and it tells its counters
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "stream/clients.h"
#include "stream/framing.h"
#include "veth_load/load.h"

#define CONNECTIONS 20000

struct echo {
	struct stream_loop loop;
	struct stream_clients *clients;
	struct tls_context *tls;
	uint64_t batches;
	uint64_t turns;
	uint8_t answer[STREAM_MESSAGE_MOST];
};

static volatile sig_atomic_t is_over;

static void end(int signal)
{
	(void)signal;
	is_over = 1;
}

// Header, then the key as the first label; the record stands behind type and class, which follow the
// suffix. What comes after the question (OPT) is left out.
static uint16_t write_answer(uint8_t *answer, const struct stream_query *query)
{
	static const uint8_t record[] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4};
	const uint16_t question_end = LOAD_QUERY_BYTES - LOAD_DNS;

	memcpy(answer, query->bytes, query->length);
	answer[2] |= 0x80;
	if (query->length < question_end || answer[12] != LOAD_KEY_BYTES)
		return (uint16_t)query->length;
	memset(answer + 6, 0, 6);
	answer[7] = 1;
	memcpy(answer + question_end, record, sizeof(record));
	load_address_of_key(answer + question_end + sizeof(record), answer + 13);
	return (uint16_t)(question_end + sizeof(record) + 4);
}

static void answer_queries(
	void *context, const struct stream_query queries[], uint32_t count, uint64_t now)
{
	struct echo *echo = context;

	(void)now;
	echo->batches++;
	for (uint32_t i = 0; i < count; i++) {
		uint16_t length = write_answer(echo->answer, &queries[i]);

		stream_clients_answer(echo->clients, queries[i].client, echo->answer, length);
	}
}

static int echo_open(
	struct echo *echo, struct net_endpoint *endpoint, const struct tls_files *files)
{
	const struct stream_query_handler handler = {echo, answer_queries};
	struct stream_clients_options options = stream_clients_defaults();
	const uint8_t secret[TLS_SECRET_BYTES] = {1};
	struct tls_error error = {.text = ""};
	int listener;

	options.connections_most = CONNECTIONS;
	options.prefix_connections_most = 0;
	if (files)
		echo->tls = tls_context_create_server(files, secret, &error);
	if (files && !echo->tls) {
		fprintf(stderr, "%s\n", error.text);
		return -EINVAL;
	}
	listener = stream_loop_init(&echo->loop);
	if (listener < 0)
		return listener;
	echo->clients = stream_clients_create(&echo->loop, &options, &handler);
	if (!echo->clients)
		return -errno;
	listener = files ? stream_clients_listen_tls(echo->clients, endpoint, echo->tls)
			 : stream_clients_listen(echo->clients, endpoint);
	return listener < 0 ? listener : 0;
}

static void echo_serve(struct echo *echo)
{
	while (!is_over) {
		uint64_t next = stream_clients_next_time(echo->clients);
		uint64_t now = clock_now();

		(void)stream_loop_wait(&echo->loop, next > now ? next - now : 0);
		now = clock_now();
		stream_loop_dispatch(&echo->loop, now);
		stream_clients_hand_over(echo->clients, now);
		stream_clients_flush(echo->clients, now);
		echo->turns++;
	}
}

static void echo_tell(const struct echo *echo)
{
	const struct stream_clients_counters *counters = stream_clients_counters(echo->clients);

	printf("turns %lu batches %lu queries %lu answers %lu accepted %lu handshakes %lu resumed "
	       "%lu\n",
		echo->turns, echo->batches, counters->queries, counters->answers,
		counters->accepted, counters->handshakes, counters->resumed);
}

int main(int count, char **arguments)
{
	static struct echo echo;
	struct net_endpoint endpoint;
	const struct tls_files files = {
		.certificate = count > 4 ? arguments[3] : NULL,
		.key = count > 4 ? arguments[4] : NULL,
	};
	int error;

	if (count < 3 || net_address_parse(arguments[1], &endpoint.address) < 0) {
		fprintf(stderr, "usage: stream_echo ADDRESS PORT [CERTIFICATE KEY]\n");
		return 2;
	}
	endpoint.port = (uint16_t)strtoul(arguments[2], NULL, 10);
	signal(SIGTERM, end);
	signal(SIGINT, end);
	error = echo_open(&echo, &endpoint, count > 4 ? &files : NULL);
	if (error < 0)
		fprintf(stderr, "%s: %s\n", arguments[2], strerror(-error));
	else
		echo_serve(&echo);
	if (!error)
		echo_tell(&echo);
	if (echo.clients)
		stream_clients_destroy(echo.clients);
	if (echo.tls)
		tls_context_destroy(echo.tls);
	stream_loop_fini(&echo.loop);
	return error < 0;
}
