// SPDX-License-Identifier: BSD-3-Clause
// What one exchange with an upstream costs with 1,000 and with 200,000 in flight. Each figure is
// the best of several rounds: what else the machine does only adds to it.
#include "base/clock.h"
#include "proxy/exchange.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PORTS 8000
#define BURST 32
#define ROUNDS 7
#define FEW 1000
#define MANY 200000
#define EXCHANGES 400000

static const uint8_t query[] = {
	0x12,
	0x34,
	0x01,
	0x00,
	0,
	1,
	0,
	0,
	0,
	0,
	0,
	0, // header: RD, one question
	3,
	'w',
	'w',
	'w',
	7,
	'e',
	'x',
	'a',
	'm',
	'p',
	'l',
	'e',
	3,
	'o',
	'r',
	'g',
	0,
	0,
	1,
	0,
	1,
};

struct bench {
	struct random_stream *random;
	struct proxy_set *set;
	struct proxy_lcore *lcore;
	uint64_t now;
	// By pending slot: what the reply to it will carry.
	uint16_t *ports;
	uint16_t *ids;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "exchange_bench: %s\n", what);
	exit(1);
}

static void bench_open(struct bench *bench, uint32_t pending_count)
{
	const struct proxy_upstream_template upstream = {.endpoint.port = 53};
	const struct net_path path = {.is_usable = true};
	const struct proxy_group_template template = {
		.settings = {.expire = 10 * CLOCK_SECOND, .read_timeout = 2 * CLOCK_SECOND},
		.upstreams = &upstream,
		.upstream_count = 1,
	};
	const struct proxy_lcore_options options = {
		.pending_count = pending_count,
		.first_port = 20000,
		.port_count = PORTS,
		.lcore_count = 1,
		.now = clock_now(),
	};
	struct net_path *old;

	*bench = (struct bench){.now = options.now};
	bench->random = random_stream_create(NULL);
	bench->set = proxy_set_create(&template, 1);
	if (!bench->random || !bench->set ||
		proxy_upstream_set_path(&bench->set->upstreams[0], &path, &old) != 1)
		die("no memory");
	bench->lcore = proxy_lcore_create(bench->set, bench->random, &options);
	bench->ports = calloc(pending_count, sizeof(*bench->ports));
	bench->ids = calloc(pending_count, sizeof(*bench->ids));
	if (!bench->lcore || !bench->ports || !bench->ids)
		die("no memory");
}

static void bench_close(struct bench *bench)
{
	proxy_lcore_destroy(bench->lcore);
	proxy_set_destroy(bench->set);
	random_stream_destroy(bench->random);
	free(bench->ports);
	free(bench->ids);
}

static void exchange_start(struct bench *bench)
{
	struct proxy_attempt attempt;
	uint32_t slot;

	if (proxy_query_start(bench->lcore, 0, query, sizeof(query), sizeof(query), bench->now,
		    &slot) != PROXY_START_GOOD ||
		!proxy_attempt_start(bench->lcore, slot, bench->now, &attempt))
		die("a query was not started");
	bench->ports[slot] = attempt.local_port;
	bench->ids[slot] = attempt.id;
}

struct reply {
	uint16_t port;
	uint8_t bytes[sizeof(query)];
};

// The replies to slots that stand far from each other. The network brings them, so they cost
// nothing here, and the pending queries' own memory is left as cold as it is.
static void make_replies(
	const struct bench *bench, struct reply replies[BURST], uint32_t burst, uint32_t bursts)
{
	for (uint32_t i = 0; i < BURST; i++) {
		uint32_t slot = burst + i * bursts;

		memcpy(replies[i].bytes, query, sizeof(query));
		replies[i].bytes[2] |= 0x80;
		dns_bytes_set_id(replies[i].bytes, bench->ids[slot]);
		replies[i].port = bench->ports[slot];
	}
}

static void exchange_burst(struct bench *bench, const struct reply replies[BURST])
{
	const struct net_endpoint *source = &bench->set->upstreams[0].endpoint;

	for (uint32_t i = 0; i < BURST; i++)
		proxy_reply_prefetch_connection(bench->lcore, replies[i].port);
	for (uint32_t i = 0; i < BURST; i++)
		proxy_reply_prefetch_query(
			bench->lcore, replies[i].port, bytes_load_u16(replies[i].bytes));
	for (uint32_t i = 0; i < BURST; i++)
		proxy_reply_prefetch_timer(
			bench->lcore, replies[i].port, bytes_load_u16(replies[i].bytes));
	for (uint32_t i = 0; i < BURST; i++) {
		const struct net_endpoint destination = {.port = replies[i].port};
		struct dns_message message;
		uint32_t slot;

		if (proxy_reply_match(bench->lcore, source, &destination, replies[i].bytes,
			    sizeof(replies[i].bytes), &message, &slot) != PROXY_REPLY_GOOD)
			die("a reply was not matched");
		proxy_query_finish(bench->lcore, slot, bench->now);
	}
	for (uint32_t i = 0; i < BURST; i++)
		exchange_start(bench);
}

// What one that is answered and one that is started cost, with `in_flight` on their way all the time.
static double exchange_round(struct bench *bench, uint32_t in_flight)
{
	uint32_t bursts = in_flight / BURST;
	uint64_t spent = 0;
	uint32_t done;

	for (done = 0; done < EXCHANGES; done += BURST) {
		// 3989 is prime: replies come in no order that the CPU could guess.
		uint32_t burst = (uint32_t)((uint64_t)(done / BURST) * 3989 % bursts);
		struct reply replies[BURST];
		uint64_t began;

		make_replies(bench, replies, burst, bursts);
		began = clock_now();
		exchange_burst(bench, replies);
		spent += clock_now() - began;
	}
	return (double)spent / done;
}

int main(void)
{
	static const uint32_t in_flight[2] = {FEW, MANY};
	struct bench benches[2];
	double best[2] = {1e9, 1e9};

	for (int i = 0; i < 2; i++) {
		bench_open(&benches[i], in_flight[i]);
		for (uint32_t j = 0; j < in_flight[i]; j++)
			exchange_start(&benches[i]);
	}
	// In turn, so that what else the machine does falls on both.
	for (int round = 0; round < 2 * ROUNDS; round++) {
		int which = round & 1;
		double cost = exchange_round(&benches[which], in_flight[which]);

		best[which] = cost < best[which] ? cost : best[which];
	}
	for (int i = 0; i < 2; i++)
		bench_close(&benches[i]);
	printf("exchange: %.1f ns at %d in flight, %.1f ns at %d, ratio %.2f\n", best[0], FEW,
		best[1], MANY, best[1] / best[0]);
	return 0;
}
