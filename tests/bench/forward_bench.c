// SPDX-License-Identifier: BSD-3-Clause
// What a forwarded query costs one lcore: query in, attempt out, reply in, answer out, over frames
// in plain memory, in bursts of 32. Measured with few and with many queries in flight, replies
// coming in random order; the ratio says what the number in flight costs. Frames are few and warm,
// as a NIC hands them out, and are made outside of the time that is measured.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "forward/forward.h"
#include "base/bytes.h"
#include "net/checksum.h"
#include "net/wire.h"
#include "rcu/rcu.h"

#define BURST 32u
#define FRAMES (2 * BURST)
#define FRAME_BYTES 512u
#define HEADROOM 128u
#define FEW 1000u
#define MANY 200000u
#define ROUNDS 5
#define QUERIES_A_ROUND 400000u

static const char config_text[] = ". {\n"
				  "	forward . 192.0.2.53 192.0.2.54 192.0.2.55 192.0.2.56 {\n"
				  "		read_timeout 4s\n"
				  "	}\n"
				  "}\n";

// A query for www.example.org A, its id to be filled in.
static const uint8_t query[] = "\0\0\1\0\0\1\0\0\0\0\0\0\3www\7example\3org\0\0\1\0\1";

#define QUERY_BYTES (sizeof(query) - 1)
#define IP_OFFSET NET_ETHERNET_HEADER
#define UDP_OFFSET (IP_OFFSET + NET_IPV4_HEADER)
#define DNS_OFFSET (UDP_OFFSET + NET_UDP_HEADER)

// A query on its way: what its reply is made of.
struct bench_attempt {
	uint16_t local_port;
	uint16_t id;
	uint8_t upstream; // last byte of its address
};

// One lcore, and the world round it.
struct bench {
	struct config *config;
	struct proxy_set *set;
	struct forward_shared shared;
	struct random_stream *random;
	struct forward_lcore *lcore;
	uint64_t now;

	uint8_t *memory;
	uint8_t *free_frames[FRAMES];
	uint32_t free_count;
	uint8_t datagram[DNS_OFFSET + QUERY_BYTES]; // from a client to us
	struct bench_attempt *attempts;
	uint32_t attempt_count;
	uint64_t answers;
	uint64_t lost;
};

_Noreturn static void fail(const char *what)
{
	fprintf(stderr, "forward_bench: %s\n", what);
	exit(1);
}

static bool bench_allocate(void *context, struct net_frame *frame)
{
	struct bench *bench = context;
	uint8_t *buffer;

	if (!bench->free_count)
		return false;
	buffer = bench->free_frames[--bench->free_count];
	*frame = (struct net_frame){
		.buffer = buffer,
		.data = buffer + HEADROOM,
		.headroom = HEADROOM,
		.length = NET_HEADERS_MOST,
		.tailroom = FRAME_BYTES - HEADROOM - NET_HEADERS_MOST,
		.payload_offset = NET_HEADERS_MOST,
	};
	return true;
}

static void bench_free(struct bench *bench, struct net_frame *frame)
{
	bench->free_frames[bench->free_count++] = frame->buffer;
}

static void bench_release(void *context, struct net_frame *frame)
{
	struct bench *bench = context;

	bench_free(bench, frame);
	bench->lost++;
}

// Port 1 leads to the upstreams, port 0 to the clients.
static void bench_send(void *context, struct net_frame *frame)
{
	struct bench *bench = context;

	bench_free(bench, frame);
	if (frame->port == 0) {
		bench->answers++;
		return;
	}
	bench->attempts[bench->attempt_count++] = (struct bench_attempt){
		.local_port = frame->source.port,
		.id = bytes_load_u16(net_frame_payload(frame)),
		.upstream = net_address_ipv4(&frame->destination.address)[3],
	};
}

static enum forward_handover bench_to_kernel(void *context, struct net_frame *frame)
{
	bench_release(context, frame);
	return FORWARD_HANDED_OVER;
}

static enum forward_handover bench_to_lcore(void *context, struct net_frame *frame, uint16_t lcore)
{
	(void)lcore;
	return bench_to_kernel(context, frame);
}

static struct net_address address_of(const char *text)
{
	struct net_address address;

	if (net_address_parse(text, &address))
		fail("bad address");
	return address;
}

static void bench_open_frames(struct bench *bench)
{
	const struct net_flow flow = {
		.source = {.address = address_of("198.51.100.7"), .port = 40000},
		.destination = {.address = address_of("192.0.2.2"), .port = 53},
		.vlan = NET_VLAN_NONE,
	};
	struct net_frame frame;

	bench->memory = aligned_alloc(BASE_CACHE_LINE, FRAMES * FRAME_BYTES);
	bench->attempts = calloc(MANY + FRAMES, sizeof(*bench->attempts));
	if (!bench->memory || !bench->attempts)
		fail("no memory");
	memset(bench->memory, 0, FRAMES * FRAME_BYTES);
	for (uint32_t i = 0; i < FRAMES; i++)
		bench->free_frames[bench->free_count++] = bench->memory + i * FRAME_BYTES;
	if (!bench_allocate(bench, &frame))
		fail("no frame");
	memcpy(net_frame_payload(&frame), query, QUERY_BYTES);
	frame.payload_length = QUERY_BYTES;
	if (net_frame_write_headers(&frame, &flow, 0))
		fail("no query");
	memcpy(bench->datagram, frame.data, sizeof(bench->datagram));
	bench_free(bench, &frame);
}

static void bench_open_paths(struct bench *bench)
{
	const struct net_path path = {
		.is_usable = true,
		.port = 1,
		.vlan = NET_VLAN_NONE,
		.source = address_of("192.0.2.2"),
	};

	for (uint16_t i = 0; i < bench->set->upstream_count; i++) {
		struct net_path *old;

		if (proxy_upstream_set_path(&bench->set->upstreams[i], &path, &old) != 1)
			fail("no path");
	}
}

static void bench_open(struct bench *bench)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {1};
	const struct net_address local = address_of("192.0.2.2");
	struct config_error error;
	const struct forward_lcore_options options = {
		.lcore_count = 1,
		.pending_count = 1u << 18,
		.now = CLOCK_SECOND,
		.sink = {bench, bench_allocate, bench_send, bench_release, bench_to_kernel,
			bench_to_lcore},
	};

	bench->now = CLOCK_SECOND;
	bench_open_frames(bench);
	bench->config = config_read_text("bench", config_text, &error);
	if (!bench->config)
		fail(error.text);
	bench->set = forward_proxy_set_create(bench->config);
	bench->random = random_stream_create(seed);
	if (!bench->set || !bench->random ||
		forward_shared_init(
			&bench->shared, FORWARD_LOCAL_PORT_FIRST, FORWARD_LOCAL_PORT_LAST, 1))
		fail("no upstreams or no random numbers");
	bench_open_paths(bench);
	bench->shared.snapshot = forward_snapshot_create(bench->config, &local, 1);
	bench->lcore = forward_lcore_create(&bench->shared, bench->set, bench->random, &options);
	if (!bench->shared.snapshot || !bench->lcore)
		fail("no lcore");
}

static void bench_close(struct bench *bench)
{
	forward_lcore_destroy(bench->lcore);
	forward_snapshot_destroy(bench->shared.snapshot);
	forward_shared_fini(&bench->shared);
	random_stream_destroy(bench->random);
	proxy_set_destroy(bench->set);
	config_destroy(bench->config);
	free(bench->memory);
	free(bench->attempts);
}

// The checksums of what was written. A NIC that has looked at them is not assumed.
static void seal_frame(struct net_frame *frame)
{
	uint8_t *ip = frame->data + IP_OFFSET;
	uint8_t *udp = frame->data + UDP_OFFSET;
	uint16_t length = NET_UDP_HEADER + QUERY_BYTES;
	uint16_t checksum;

	memset(ip + 10, 0, 2);
	memset(udp + 6, 0, 2);
	checksum = (uint16_t)~net_checksum_fold(net_checksum_ipv4_header(ip));
	memcpy(ip + 10, &checksum, sizeof(checksum));
	checksum = (uint16_t)~net_checksum_fold(net_checksum_add(
		net_checksum_ipv4_pseudo(ip + 12, ip + 16, NET_PROTOCOL_UDP, length), udp, length));
	if (!checksum)
		checksum = 0xffff;
	memcpy(udp + 6, &checksum, sizeof(checksum));
	frame->offload = 0;
}

// The client's datagram with another id, not sealed.
static void make_frame(struct bench *bench, struct net_frame *frame, uint16_t id)
{
	if (!bench_allocate(bench, frame))
		fail("no frame");
	memcpy(frame->data, bench->datagram, sizeof(bench->datagram));
	frame->tailroom = FRAME_BYTES - HEADROOM - sizeof(bench->datagram);
	frame->length = sizeof(bench->datagram);
	bytes_store_u16(frame->data + DNS_OFFSET, id);
}

// The reply to some query on its way.
static void make_reply(struct bench *bench, struct net_frame *frame)
{
	uint32_t index = random_stream_below(bench->random, bench->attempt_count);
	struct bench_attempt attempt = bench->attempts[index];
	static const uint8_t network[3] = {192, 0, 2};

	bench->attempts[index] = bench->attempts[--bench->attempt_count];
	make_frame(bench, frame, attempt.id);
	memcpy(frame->data + IP_OFFSET + 12, network, sizeof(network));
	frame->data[IP_OFFSET + 15] = attempt.upstream;
	bytes_store_u16(frame->data + UDP_OFFSET, 53);
	bytes_store_u16(frame->data + UDP_OFFSET + 2, attempt.local_port);
	frame->data[DNS_OFFSET + 2] |= 0x80;
	frame->port = 1;
	seal_frame(frame);
}

// Hands a burst to the lcore, and returns how long it took.
static uint64_t run_burst(struct bench *bench, struct net_frame *frames)
{
	uint64_t start = clock_now();

	forward_lcore_receive(bench->lcore, frames, BURST, bench->now);
	forward_lcore_expire(bench->lcore, bench->now);
	bench->now += 3000;
	return clock_now() - start;
}

static uint64_t run_queries(struct bench *bench)
{
	struct net_frame frames[BURST];

	for (uint32_t i = 0; i < BURST; i++) {
		make_frame(bench, &frames[i], (uint16_t)i);
		seal_frame(&frames[i]);
	}
	return run_burst(bench, frames);
}

static uint64_t run_replies(struct bench *bench)
{
	struct net_frame frames[BURST];

	for (uint32_t i = 0; i < BURST; i++)
		make_reply(bench, &frames[i]);
	return run_burst(bench, frames);
}

// Nanoseconds a query with `in_flight` on their way.
static double measure(struct bench *bench, uint32_t in_flight)
{
	uint64_t spent = 0;

	while (bench->attempt_count < in_flight)
		(void)run_queries(bench);
	while (bench->attempt_count >= in_flight + BURST)
		(void)run_replies(bench);
	for (uint32_t done = 0; done < QUERIES_A_ROUND; done += BURST)
		spent += run_queries(bench) + run_replies(bench);
	return (double)spent / QUERIES_A_ROUND;
}

static int compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

int main(void)
{
	static struct bench bench;
	double few[ROUNDS];
	double many[ROUNDS];

	bench_open(&bench);
	(void)measure(&bench, MANY); // every page is touched
	for (int i = 0; i < ROUNDS; i++) {
		few[i] = measure(&bench, FEW);
		many[i] = measure(&bench, MANY);
	}
	if (bench.lost)
		fail("frames were dropped");
	bench_close(&bench);
	qsort(few, ROUNDS, sizeof(few[0]), compare);
	qsort(many, ROUNDS, sizeof(many[0]), compare);
	printf("%6u in flight  %7.1f ns a query (best %.1f)\n", FEW, few[ROUNDS / 2], few[0]);
	printf("%6u in flight  %7.1f ns a query (best %.1f)\n", MANY, many[ROUNDS / 2], many[0]);
	printf("ratio %.2f\n", many[ROUNDS / 2] / few[ROUNDS / 2]);
	return 0;
}
