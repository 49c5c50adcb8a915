// SPDX-License-Identifier: BSD-3-Clause
#include "plain_lcore.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "net/checksum.h"
#include "net/wire.h"
#include "rcu/rcu.h"
#include "worker_thread.h"

#define FRAMES 1024u // the last to be freed is the first to be taken
#define FRAME_BYTES 512u
#define HEADROOM 128u
#define PAGE 4096u

#define FORWARD_TEXT                                                                               \
	"forward . 192.0.2.53 192.0.2.54 192.0.2.55 192.0.2.56 {\n"                                \
	"	read_timeout 4s\n"                                                                       \
	"}\n"

// A query for A, its id and the digits of its name to be filled in.
static const uint8_t query[] = "\0\0\1\x20\0\1\0\0\0\0\0\0\x0bn0000000000\5bench\4test\0\0\1\0\1";
// The name by a pointer to the question, A, IN, five minutes, four bytes.
static const uint8_t record[] = "\xc0\x0c\0\1\0\1\0\0\1\x2c\0\4\xc0\0\2\1";

#define QUERY_BYTES (sizeof(query) - 1)
#define RECORD_BYTES (sizeof(record) - 1)
#define NAME_DIGITS 10
#define DIGITS_OFFSET (DNS_OFFSET + DNS_HEADER_BYTES + 2)
#define IP_OFFSET NET_ETHERNET_HEADER
#define UDP_OFFSET (IP_OFFSET + NET_IPV4_HEADER)
#define DNS_OFFSET (UDP_OFFSET + NET_UDP_HEADER)
#define DATAGRAM_BYTES (DNS_OFFSET + QUERY_BYTES)

// Of the bench's own: on pages that nothing else is on.
static void *pages(size_t bytes)
{
	void *memory = aligned_alloc(PAGE, (bytes + PAGE - 1) / PAGE * PAGE);

	if (!memory)
		worker_thread_die("no memory");
	return memset(memory, 0, (bytes + PAGE - 1) / PAGE * PAGE);
}

static struct net_address address_of(const char *text)
{
	struct net_address address;

	if (net_address_parse(text, &address))
		worker_thread_die("bad address");
	return address;
}

static struct net_path path_of(uint8_t mac)
{
	return (struct net_path){
		.is_usable = true,
		.port = 1,
		.vlan = NET_VLAN_NONE,
		.source = address_of("192.0.2.2"),
		.next_hop_mac = {{2, 0, 0, 0, 0, mac}},
	};
}

static struct config *config_make(uint64_t cache_bytes)
{
	char text[512] = ". {\n" FORWARD_TEXT "}\n";
	struct config_error error;
	struct config *config;

	if (cache_bytes)
		(void)snprintf(text, sizeof(text),
			". {\ncache {\nsize %" PRIu64 "K\n}\n" FORWARD_TEXT "}\n",
			cache_bytes >> 10);
	config = config_read_text("bench", text, &error);
	if (!config)
		worker_thread_die(error.text);
	return config;
}

static void caches_open(struct plain_world *world)
{
	struct random_stream *random = random_stream_create(NULL);

	if (!random)
		worker_thread_die("no random numbers");
	world->shared.caches = forward_caches_create(
		world->config, world->lcore_count, world->lcore_count, NULL, random);
	if (!world->shared.caches)
		worker_thread_die("no cache");
	random_stream_destroy(random);
}

void plain_world_open(struct plain_world *world, uint16_t lcore_count, uint64_t cache_bytes)
{
	const struct net_address local = address_of("192.0.2.2");
	const struct net_path path = path_of(0);

	*world = (struct plain_world){.lcore_count = lcore_count};
	world->config = config_make(cache_bytes);
	world->set = forward_proxy_set_create(world->config);
	if (!world->set || forward_shared_init(&world->shared,
				   &(struct forward_shared_options){
					   .local_port_first = FORWARD_LOCAL_PORT_FIRST,
					   .local_port_last = FORWARD_LOCAL_PORT_LAST,
					   .worker_count = lcore_count,
				   }))
		worker_thread_die("no upstreams");
	for (uint16_t i = 0; i < world->set->upstream_count; i++) {
		struct net_path *old;

		if (proxy_upstream_set_path(&world->set->upstreams[i], &path, &old) != 1)
			worker_thread_die("no path");
	}
	world->shared.snapshot = forward_snapshot_create(world->config, &local, 1);
	if (!world->shared.snapshot)
		worker_thread_die("no snapshot");
	if (cache_bytes)
		caches_open(world);
}

void plain_world_close(struct plain_world *world)
{
	forward_caches_destroy(world->shared.caches);
	forward_snapshot_destroy(world->shared.snapshot);
	forward_shared_fini(&world->shared);
	proxy_set_destroy(world->set);
	config_destroy(world->config);
}

void plain_world_change_path(struct plain_world *world)
{
	struct proxy_upstream *upstream = &world->set->upstreams[0];
	const struct net_path path = path_of(upstream->path->next_hop_mac.bytes[5] ^ 1);
	struct net_path *old;

	if (proxy_upstream_set_path(upstream, &path, &old) != 1)
		worker_thread_die("no path");
	rcu_wait_grace_period();
	free(old);
}

static bool plain_allocate(void *context, struct net_frame *frame)
{
	struct plain_lcore *lcore = context;
	uint8_t *buffer;

	if (!lcore->free_count)
		return false;
	buffer = lcore->free_frames[--lcore->free_count];
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

static void plain_free(struct plain_lcore *lcore, struct net_frame *frame)
{
	lcore->free_frames[lcore->free_count++] = frame->buffer;
}

static void plain_release(void *context, struct net_frame *frame)
{
	struct plain_lcore *lcore = context;

	plain_free(lcore, frame);
	lcore->lost++;
}

// Of a query for one of our names, at its frame with headers of the client's length.
static uint32_t read_name(const uint8_t *frame)
{
	uint32_t name = 0;

	for (int i = 0; i < NAME_DIGITS; i++)
		name = name * 10 + frame[DIGITS_OFFSET + i] - '0';
	return name;
}

// Port 1 leads to the upstreams, port 0 to the clients.
static void plain_send(void *context, struct net_frame *frame)
{
	struct plain_lcore *lcore = context;

	plain_free(lcore, frame);
	if (frame->port == 0) {
		lcore->answers++;
		return;
	}
	lcore->attempts[lcore->attempt_count++] = (struct plain_attempt){
		.name = read_name(frame->data + frame->payload_offset - DNS_OFFSET),
		.local_port = frame->source.port,
		.id = bytes_load_u16(net_frame_payload(frame)),
		.upstream = net_address_ipv4(&frame->destination.address)[3],
	};
}

static enum forward_handover plain_to_kernel(void *context, struct net_frame *frame)
{
	plain_release(context, frame);
	return FORWARD_HANDED_OVER;
}

static enum forward_handover plain_to_lcore(void *context, struct net_frame *frame, uint16_t index)
{
	(void)index;
	return plain_to_kernel(context, frame);
}

static void lcore_open_frames(struct plain_lcore *lcore, uint16_t index)
{
	const struct net_flow flow = {
		.source = {.address = address_of("198.51.100.7"), .port = 40000},
		.destination = {.address = address_of("192.0.2.2"), .port = 53},
		.vlan = NET_VLAN_NONE,
	};
	struct net_frame frame;

	lcore->memory = pages(FRAMES * FRAME_BYTES);
	lcore->free_frames = pages(FRAMES * sizeof(*lcore->free_frames));
	lcore->datagram = pages(DATAGRAM_BYTES);
	lcore->drawn = index + 1u;
	for (uint32_t i = 0; i < FRAMES; i++)
		lcore->free_frames[lcore->free_count++] = lcore->memory + i * FRAME_BYTES;
	if (!plain_allocate(lcore, &frame))
		worker_thread_die("no frame");
	memcpy(net_frame_payload(&frame), query, QUERY_BYTES);
	frame.payload_length = QUERY_BYTES;
	if (net_frame_write_headers(&frame, &flow, 0))
		worker_thread_die("no query");
	memcpy(lcore->datagram, frame.data, DATAGRAM_BYTES);
	plain_free(lcore, &frame);
}

void plain_lcore_open(
	struct plain_lcore *lcore, struct plain_world *world, uint16_t index, uint32_t in_flight)
{
	const struct forward_lcore_options options = {
		.lcore = index,
		.pending_count = 1u << 18, // as the program's default
		.now = clock_now(),
		.sink = {lcore, plain_allocate, plain_send, plain_release, plain_to_kernel,
			plain_to_lcore},
	};

	*lcore = (struct plain_lcore){0};
	lcore_open_frames(lcore, index);
	lcore->attempts = pages((in_flight + 2 * PLAIN_BURST) * sizeof(*lcore->attempts));
	// As app/worker.c does.
	lcore->random = random_stream_create(NULL);
	if (!lcore->random)
		worker_thread_die("no random numbers");
	lcore->forward = forward_lcore_create(&world->shared, world->set, lcore->random, &options);
	if (!lcore->forward)
		worker_thread_die("no lcore");
}

void plain_lcore_close(struct plain_lcore *lcore)
{
	forward_lcore_destroy(lcore->forward);
	random_stream_destroy(lcore->random);
	free(lcore->memory);
	free(lcore->free_frames);
	free(lcore->datagram);
	free(lcore->attempts);
}

// The lengths and checksums of what was written. A NIC that has looked at them is not assumed.
static void seal_frame(struct net_frame *frame)
{
	uint8_t *ip = frame->data + IP_OFFSET;
	uint8_t *udp = frame->data + UDP_OFFSET;
	uint16_t length = (uint16_t)(frame->length - UDP_OFFSET);
	uint16_t checksum;

	bytes_store_u16(ip + 2, (uint16_t)(frame->length - IP_OFFSET));
	bytes_store_u16(udp + 4, length);
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

// The client's datagram with another id and name, not sealed.
static void make_frame(
	struct plain_lcore *lcore, struct net_frame *frame, uint16_t id, uint32_t name)
{
	if (!plain_allocate(lcore, frame))
		worker_thread_die("no frame");
	memcpy(frame->data, lcore->datagram, DATAGRAM_BYTES);
	frame->tailroom = FRAME_BYTES - HEADROOM - DATAGRAM_BYTES;
	frame->length = DATAGRAM_BYTES;
	bytes_store_u16(frame->data + DNS_OFFSET, id);
	for (int i = NAME_DIGITS; i-- > 0; name /= 10)
		frame->data[DIGITS_OFFSET + i] = (uint8_t)('0' + name % 10);
}

// Below the limit; Marsaglia's xorshift, for no more than an order that a CPU can not guess.
uint32_t plain_lcore_draw_below(struct plain_lcore *lcore, uint32_t limit)
{
	lcore->drawn ^= lcore->drawn << 13;
	lcore->drawn ^= lcore->drawn >> 7;
	lcore->drawn ^= lcore->drawn << 17;
	return (uint32_t)((lcore->drawn >> 32) * limit >> 32);
}

static void make_reply(struct plain_lcore *lcore, struct net_frame *frame)
{
	uint32_t index = plain_lcore_draw_below(lcore, lcore->attempt_count);
	struct plain_attempt attempt = lcore->attempts[index];
	static const uint8_t network[3] = {192, 0, 2};

	lcore->attempts[index] = lcore->attempts[--lcore->attempt_count];
	make_frame(lcore, frame, attempt.id, attempt.name);
	memcpy(frame->data + IP_OFFSET + 12, network, sizeof(network));
	frame->data[IP_OFFSET + 15] = attempt.upstream;
	bytes_store_u16(frame->data + UDP_OFFSET, 53);
	bytes_store_u16(frame->data + UDP_OFFSET + 2, attempt.local_port);
	frame->data[DNS_OFFSET + 2] |= 0x80;
	frame->data[DNS_OFFSET + 7] = 1;
	memcpy(frame->data + frame->length, record, RECORD_BYTES);
	frame->length += RECORD_BYTES;
	frame->tailroom -= RECORD_BYTES;
	frame->port = 1;
	seal_frame(frame);
}

void plain_lcore_ask(struct plain_lcore *lcore, struct net_frame frames[PLAIN_BURST],
	const uint32_t names[PLAIN_BURST])
{
	for (uint32_t i = 0; i < PLAIN_BURST; i++) {
		make_frame(lcore, &frames[i], (uint16_t)i, names[i]);
		seal_frame(&frames[i]);
	}
}

void plain_lcore_make_queries(struct plain_lcore *lcore, struct net_frame frames[PLAIN_BURST])
{
	static const uint32_t names[PLAIN_BURST];

	plain_lcore_ask(lcore, frames, names);
}

void plain_lcore_make_replies(struct plain_lcore *lcore, struct net_frame frames[PLAIN_BURST])
{
	for (uint32_t i = 0; i < PLAIN_BURST; i++)
		make_reply(lcore, &frames[i]);
}

void plain_lcore_run(struct plain_lcore *lcore, struct net_frame frames[PLAIN_BURST], uint64_t now)
{
	forward_lcore_receive(lcore->forward, frames, PLAIN_BURST, now);
	forward_lcore_expire(lcore->forward, now);
}

void plain_lcore_turn(struct plain_lcore *lcore, uint32_t in_flight, uint64_t now)
{
	struct net_frame frames[PLAIN_BURST];

	plain_lcore_make_queries(lcore, frames);
	plain_lcore_run(lcore, frames, now);
	if (lcore->attempt_count <= in_flight)
		return;
	plain_lcore_make_replies(lcore, frames);
	plain_lcore_run(lcore, frames, now);
}
