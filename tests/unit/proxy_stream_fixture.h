// SPDX-License-Identifier: BSD-3-Clause
// The exchanges of a stream lcore with a driver that has no sockets: what it was told is written
// down, and what happens to its connections is said by the test. It refuses calls that the contract
// does not allow. Asker n asks for "n.example" in hexadecimal, type A.
#pragma once

#include "proxy_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"
#include "base/clock.h"
#include "dns/message.h"
#include "proxy/stream_exchange.h"

#define STREAM_SLOTS_MOST 512
#define STREAM_LOG_MOST 4096
#define STREAM_QUESTION_BYTES 42
#define STREAM_START (UINT64_C(1000) * CLOCK_SECOND)

struct stream_sent {
	uint16_t slot;
	uint16_t length;
	uint8_t message[256]; // its beginning
};

struct stream_result {
	uint64_t asker;
	bool is_answer;
	enum proxy_failure failure;
	uint16_t length; // of an answer
};

// A connection as the driver has it.
struct stream_socket {
	bool is_there; // between open and destroy
	bool is_opened;
	bool is_finished;
	bool is_lost;
	uint16_t upstream;
	bool is_tls;
};

struct stream_fixture {
	struct random_stream *random;
	struct proxy_set *set;
	struct proxy_streams *streams;
	uint64_t now;
	struct stream_socket sockets[STREAM_SLOTS_MOST];
	uint16_t opened[STREAM_LOG_MOST]; // slots, in order
	uint32_t opened_count;
	struct stream_sent sent[STREAM_LOG_MOST];
	uint32_t sent_count;
	struct stream_result results[STREAM_LOG_MOST];
	uint32_t result_count;
	uint32_t finished_count;
	uint32_t cancelled_count;
	uint16_t last_cancelled; // id
	uint32_t destroyed_count;
	uint32_t misuse_count; // calls that the contract does not allow
	int open_error;
	int send_error;
	// Asked again, in the call, by who was answered or refused; 0: no more.
	uint32_t asks_within;
	uint64_t next_asker;
};

static inline int stream_fixture_open_socket(
	void *context, uint16_t slot, uint16_t upstream, bool is_tls)
{
	struct stream_fixture *fixture = context;
	struct stream_socket *socket = &fixture->sockets[slot];

	fixture->misuse_count += socket->is_there;
	*socket = (struct stream_socket){.is_there = true, .upstream = upstream, .is_tls = is_tls};
	if (fixture->opened_count < STREAM_LOG_MOST)
		fixture->opened[fixture->opened_count++] = slot;
	socket->is_lost = fixture->open_error != 0;
	return fixture->open_error;
}

static inline int stream_fixture_send(
	void *context, uint16_t slot, const uint8_t *message, uint16_t length)
{
	struct stream_fixture *fixture = context;
	struct stream_socket *socket = &fixture->sockets[slot];
	struct stream_sent *sent = &fixture->sent[fixture->sent_count];

	fixture->misuse_count +=
		!socket->is_there || !socket->is_opened || socket->is_finished || socket->is_lost;
	if (fixture->send_error) {
		socket->is_lost = true;
		return fixture->send_error;
	}
	if (fixture->sent_count == STREAM_LOG_MOST)
		return 0;
	fixture->sent_count++;
	sent->slot = slot;
	sent->length = length;
	memcpy(sent->message, message,
		length < sizeof(sent->message) ? length : sizeof(sent->message));
	return 0;
}

static inline void stream_fixture_cancel(void *context, uint16_t slot, uint16_t id)
{
	struct stream_fixture *fixture = context;
	struct stream_socket *socket = &fixture->sockets[slot];

	fixture->misuse_count +=
		!socket->is_there || !socket->is_opened || socket->is_finished || socket->is_lost;
	fixture->last_cancelled = id;
	fixture->cancelled_count++;
}

static inline void stream_fixture_finish(void *context, uint16_t slot)
{
	struct stream_fixture *fixture = context;
	struct stream_socket *socket = &fixture->sockets[slot];

	fixture->misuse_count += !socket->is_there || socket->is_finished || socket->is_lost;
	socket->is_finished = true;
	fixture->finished_count++;
}

static inline void stream_fixture_destroy(void *context, uint16_t slot)
{
	struct stream_fixture *fixture = context;

	fixture->misuse_count += !fixture->sockets[slot].is_there;
	fixture->sockets[slot] = (struct stream_socket){0};
	fixture->destroyed_count++;
}

static inline bool stream_ask_for(
	struct stream_fixture *fixture, uint64_t asker, uint16_t upstream, uint64_t span);

static inline void stream_fixture_note(
	struct stream_fixture *fixture, const struct stream_result *result)
{
	if (fixture->result_count < STREAM_LOG_MOST)
		fixture->results[fixture->result_count++] = *result;
	if (fixture->asks_within) {
		fixture->asks_within--;
		(void)stream_ask_for(fixture, fixture->next_asker++, 0, 2 * CLOCK_SECOND);
	}
}

static inline void stream_fixture_answered(
	void *context, uint64_t asker, const uint8_t *bytes, uint16_t length)
{
	const struct stream_result result = {.asker = asker, .is_answer = true, .length = length};

	(void)bytes;
	stream_fixture_note(context, &result);
}

static inline void stream_fixture_failed(void *context, uint64_t asker, enum proxy_failure failure)
{
	const struct stream_result result = {.asker = asker, .failure = failure};

	stream_fixture_note(context, &result);
}

struct stream_fixture_options {
	struct proxy_settings settings;
	uint16_t upstreams; // 1 where 0 stands here
	uint32_t questions; // 1024
	uint16_t connections; // 64
	uint16_t lcore_count; // 1
	uint16_t lcore_index;
	bool is_tls;
};

static inline struct stream_fixture *stream_fixture_open(
	const struct stream_fixture_options *options)
{
	static const uint8_t seed[RANDOM_SEED_BYTES] = {4, 5, 6};
	struct stream_fixture *fixture = calloc(1, sizeof(*fixture));
	const struct proxy_streams_options streams = {
		.question_count = options->questions ? options->questions : 1024,
		.connection_count = options->connections ? options->connections : 64,
		.lcore_count = options->lcore_count ? options->lcore_count : 1,
		.lcore_index = options->lcore_index,
		.now = STREAM_START,
		.driver = {fixture, stream_fixture_open_socket, stream_fixture_send,
			stream_fixture_cancel, stream_fixture_finish, stream_fixture_destroy},
		.asker = {fixture, stream_fixture_answered, stream_fixture_failed},
	};

	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture);
	fixture->now = STREAM_START;
	fixture->next_asker = 1000000;
	fixture->random = random_stream_create(seed);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->random);
	fixture->set =
		proxy_fixture_set(&options->settings, options->upstreams ? options->upstreams : 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->set);
	fixture->set->upstreams[0].is_tls = options->is_tls;
	fixture->streams = proxy_streams_create(fixture->set, fixture->random, &streams);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->streams);
	return fixture;
}

// Nothing is left behind, and nothing was done that must not be.
static inline void stream_fixture_close(struct stream_fixture *fixture)
{
	proxy_streams_destroy(fixture->streams);
	for (uint32_t i = 0; i < STREAM_SLOTS_MOST; i++)
		CU_ASSERT_FALSE(fixture->sockets[i].is_there);
	CU_ASSERT_EQUAL(fixture->misuse_count, 0);
	proxy_set_destroy(fixture->set);
	random_stream_destroy(fixture->random);
	free(fixture);
}

// "XXXXXXXXXXXXXXXX.example" A IN, with room for an id.
static inline uint16_t stream_make_question(uint64_t asker, uint8_t bytes[STREAM_QUESTION_BYTES])
{
	char label[17];

	memset(bytes, 0, STREAM_QUESTION_BYTES);
	bytes[2] = 1; // RD
	bytes[5] = 1;
	snprintf(label, sizeof(label), "%016llx", (unsigned long long)asker);
	bytes[12] = 16;
	memcpy(bytes + 13, label, 16);
	memcpy(bytes + 29, "\7example", 9);
	bytes[39] = 1;
	bytes[41] = 1;
	return STREAM_QUESTION_BYTES;
}

// Of the asker, for upstream 0, with 1 s.
static inline struct proxy_stream_question stream_question(
	const struct stream_fixture *fixture, uint64_t asker, uint8_t bytes[STREAM_QUESTION_BYTES])
{
	uint16_t length = stream_make_question(asker, bytes);

	return (struct proxy_stream_question){
		.message = bytes,
		.length = length,
		.question_end = length,
		.deadline = fixture->now + CLOCK_SECOND,
		.asker = asker,
	};
}

static inline bool stream_ask_for(
	struct stream_fixture *fixture, uint64_t asker, uint16_t upstream, uint64_t span)
{
	uint8_t bytes[STREAM_QUESTION_BYTES];
	struct proxy_stream_question question = stream_question(fixture, asker, bytes);

	question.upstream = upstream;
	question.deadline = fixture->now + span;
	return proxy_streams_ask(fixture->streams, &question, fixture->now);
}

// Askers `first` to `first + count - 1`, each with 2 s.
static inline void stream_ask(struct stream_fixture *fixture, uint64_t first, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++)
		CU_ASSERT_TRUE(stream_ask_for(fixture, first + i, 0, 2 * CLOCK_SECOND));
}

static inline void stream_opened(struct stream_fixture *fixture, uint16_t slot)
{
	fixture->sockets[slot].is_opened = true;
	proxy_streams_opened(fixture->streams, slot, fixture->now);
}

static inline void stream_lost(
	struct stream_fixture *fixture, uint16_t slot, enum proxy_failure why)
{
	fixture->sockets[slot].is_lost = true;
	proxy_streams_lost(fixture->streams, slot, why, fixture->now);
}

// The youngest connection opens.
static inline uint16_t stream_open_last(struct stream_fixture *fixture)
{
	uint16_t slot;

	CU_ASSERT_FATAL(fixture->opened_count > 0);
	slot = fixture->opened[fixture->opened_count - 1];
	stream_opened(fixture, slot);
	return slot;
}

// The reply to what was sent as the `index`-th of all.
static inline void stream_reply(struct stream_fixture *fixture, uint32_t index)
{
	struct stream_sent sent;

	CU_ASSERT_FATAL(index < fixture->sent_count);
	sent = fixture->sent[index];
	sent.message[2] |= 0x80;
	proxy_streams_received(
		fixture->streams, sent.slot, sent.message, sent.length, fixture->now);
}

static inline uint16_t stream_sent_id(const struct stream_fixture *fixture, uint32_t index)
{
	return bytes_load_u16(fixture->sent[index].message);
}

// The asker of what was sent as the `index`-th.
static inline uint64_t stream_sent_asker(const struct stream_fixture *fixture, uint32_t index)
{
	char label[17] = "";

	memcpy(label, fixture->sent[index].message + 13, 16);
	return strtoull(label, NULL, 16);
}

static inline struct proxy_pool *stream_pool(struct stream_fixture *fixture, uint16_t upstream)
{
	return &proxy_streams_pools(fixture->streams)->pools[upstream];
}

// Time goes on, and the lcore's turn with it.
static inline void stream_pass(struct stream_fixture *fixture, uint64_t span)
{
	fixture->now += span;
	proxy_streams_expire(fixture->streams, fixture->now);
}

// The management lcore marks, and closes what was unlinked; the owner reads its messages. Returns
// how many it closed.
static inline uint32_t stream_manage(struct stream_fixture *fixture)
{
	struct proxy_pools *lcores[] = {proxy_streams_pools(fixture->streams)};
	uint16_t scratch[STREAM_SLOTS_MOST];
	uint32_t closed = 0;
	uint32_t count;

	(void)proxy_sweep_mark(lcores[0], fixture->now);
	proxy_streams_expire(fixture->streams, fixture->now);
	while ((count = proxy_sweep_reap(lcores, 1, scratch, BASE_ARRAY_SIZE(scratch))))
		closed += count;
	proxy_streams_expire(fixture->streams, fixture->now);
	return closed;
}

static inline uint32_t stream_count_results(
	const struct stream_fixture *fixture, bool is_answer, enum proxy_failure failure)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < fixture->result_count; i++)
		count += fixture->results[i].is_answer == is_answer &&
			 (is_answer || fixture->results[i].failure == failure);
	return count;
}

static inline uint32_t stream_answers(const struct stream_fixture *fixture)
{
	return stream_count_results(fixture, true, PROXY_FAILURES);
}

static inline uint32_t stream_failures(
	const struct stream_fixture *fixture, enum proxy_failure failure)
{
	return stream_count_results(fixture, false, failure);
}

// What many turns came to.
struct stream_tally {
	uint64_t opened;
	uint64_t asked;
	uint64_t results;
};

// Empties the logs.
static inline void stream_tally_take(struct stream_fixture *fixture, struct stream_tally *tally)
{
	tally->opened += fixture->opened_count;
	tally->results += fixture->result_count;
	fixture->opened_count = 0;
	fixture->sent_count = 0;
	fixture->result_count = 0;
}

static inline bool stream_is_in_use(const struct stream_fixture *fixture, uint16_t slot)
{
	const struct stream_socket *socket = &fixture->sockets[slot];

	return socket->is_there && !socket->is_lost && !socket->is_finished;
}

// Up to 200 questions, and with what they bring about all that can happen: connections open, are
// refused, or do neither; questions are answered or not; connections are lost.
static inline void stream_random_turn(struct stream_fixture *fixture, struct stream_tally *tally)
{
	uint32_t wanted = 1 + random_stream_below(fixture->random, 200);

	for (uint32_t i = 0; i < wanted; i++)
		tally->asked += stream_ask_for(fixture, i, 0, CLOCK_SECOND);
	for (uint32_t i = 0; i < fixture->opened_count; i++) {
		if (random_stream_below(fixture->random, 8))
			stream_opened(fixture, fixture->opened[i]);
		else if (random_stream_below(fixture->random, 2))
			stream_lost(fixture, fixture->opened[i], PROXY_FAILURE_REFUSED);
	}
	for (uint32_t i = 0; i < fixture->sent_count; i++) {
		uint16_t slot = fixture->sent[i].slot;

		if (random_stream_below(fixture->random, 8))
			stream_reply(fixture, i);
		if (stream_is_in_use(fixture, slot) && random_stream_below(fixture->random, 3) == 0)
			stream_lost(fixture, slot, PROXY_FAILURE_CLOSED);
	}
	stream_tally_take(fixture, tally);
}

// All is over, and each question had one end, each connection one of each.
static inline void stream_tally_check(struct stream_fixture *fixture, struct stream_tally *tally)
{
	const struct proxy_stream_counts *counts = proxy_streams_counts(fixture->streams, 0);
	const struct proxy_pool *pool = stream_pool(fixture, 0);
	uint64_t ends = counts->answered;

	stream_tally_take(fixture, tally);
	CU_ASSERT_TRUE(proxy_streams_are_drained(fixture->streams));
	CU_ASSERT_EQUAL(proxy_streams_in_flight(fixture->streams), 0);
	for (int failure = 0; failure < PROXY_FAILURES; failure++)
		ends += counts->failed[failure];
	CU_ASSERT_EQUAL(tally->results, tally->asked);
	CU_ASSERT_EQUAL(counts->asked, tally->asked);
	CU_ASSERT_EQUAL(ends, tally->asked);
	CU_ASSERT_EQUAL(pool->opened, fixture->destroyed_count);
	CU_ASSERT_EQUAL(pool->opened, tally->opened);
	CU_ASSERT_EQUAL(pool->in_flight, 0);
	CU_ASSERT_EQUAL(pool->open_count, 0);
	CU_ASSERT_EQUAL(pool->idle_count, 0);
	CU_ASSERT_EQUAL(pool->slots_held, 0);
}
