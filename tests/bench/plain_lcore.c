// SPDX-License-Identifier: BSD-3-Clause
#include "plain_lcore.h"

#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "net/checksum.h"
#include "net/wire.h"
#include "rcu/rcu.h"
#include "worker_thread.h"

#define FRAMES (2u * PLAIN_BURST)
#define FRAME_BYTES 512u
#define HEADROOM 128u
#define PAGE 4096u

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

void plain_world_open(struct plain_world *world, uint16_t lcore_count)
{
	const struct net_address local = address_of("192.0.2.2");
	const struct net_path path = path_of(0);
	struct config_error error;

	*world = (struct plain_world){.lcore_count = lcore_count};
	world->config = config_read_text("bench", config_text, &error);
	if (!world->config)
		worker_thread_die(error.text);
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
}

void plain_world_close(struct plain_world *world)
{
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
static void make_frame(struct plain_lcore *lcore, struct net_frame *frame, uint16_t id)
{
	if (!plain_allocate(lcore, frame))
		worker_thread_die("no frame");
	memcpy(frame->data, lcore->datagram, DATAGRAM_BYTES);
	frame->tailroom = FRAME_BYTES - HEADROOM - DATAGRAM_BYTES;
	frame->length = DATAGRAM_BYTES;
	bytes_store_u16(frame->data + DNS_OFFSET, id);
}

// Below the limit; Marsaglia's xorshift, for no more than an order that a CPU can not guess.
static uint32_t draw_below(struct plain_lcore *lcore, uint32_t limit)
{
	lcore->drawn ^= lcore->drawn << 13;
	lcore->drawn ^= lcore->drawn >> 7;
	lcore->drawn ^= lcore->drawn << 17;
	return (uint32_t)((lcore->drawn >> 32) * limit >> 32);
}

static void make_reply(struct plain_lcore *lcore, struct net_frame *frame)
{
	uint32_t index = draw_below(lcore, lcore->attempt_count);
	struct plain_attempt attempt = lcore->attempts[index];
	static const uint8_t network[3] = {192, 0, 2};

	lcore->attempts[index] = lcore->attempts[--lcore->attempt_count];
	make_frame(lcore, frame, attempt.id);
	memcpy(frame->data + IP_OFFSET + 12, network, sizeof(network));
	frame->data[IP_OFFSET + 15] = attempt.upstream;
	bytes_store_u16(frame->data + UDP_OFFSET, 53);
	bytes_store_u16(frame->data + UDP_OFFSET + 2, attempt.local_port);
	frame->data[DNS_OFFSET + 2] |= 0x80;
	frame->port = 1;
	seal_frame(frame);
}

void plain_lcore_make_queries(struct plain_lcore *lcore, struct net_frame frames[PLAIN_BURST])
{
	for (uint32_t i = 0; i < PLAIN_BURST; i++) {
		make_frame(lcore, &frames[i], (uint16_t)i);
		seal_frame(&frames[i]);
	}
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
