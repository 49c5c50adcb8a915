// SPDX-License-Identifier: BSD-3-Clause
// From a reply to a value to an answer, in heap buffers of just their sizes, so that a sanitizer
// sees any byte that is touched outside.
#pragma once

#include "dns_reply.h"

#include "cache/answer.h"
#include "net/checksum.h"

static const struct cache_answer_limits limits = {
	.success_most = 3600,
	.success_least = 5,
	.denial_most = 1800,
	.denial_least = 5,
	.failure = 5,
};

// A value as a store has it that keeps the first bytes apart from the rest.
struct kept_value {
	uint8_t *bytes;
	size_t length;
	uint32_t copies; // calls of the copy
	uint32_t sums; // answers whose sum was told
};

static inline bool kept_value_copy(const void *context, uint32_t offset, void *to, uint32_t length)
{
	struct kept_value *kept = (struct kept_value *)(uintptr_t)context;

	kept->copies++;
	if (offset + length > kept->length)
		return false;
	memcpy(to, kept->bytes + offset, length);
	return true;
}

// `here` bytes are at hand, in a buffer of no more.
static inline struct cache_answer_value kept_value_view(struct kept_value *kept, size_t here)
{
	uint8_t *bytes;

	if (here > kept->length)
		here = kept->length;
	bytes = malloc(here);
	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	memcpy(bytes, kept->bytes, here);
	kept->copies = 0;
	return (struct cache_answer_value){
		.here = bytes,
		.here_length = (uint16_t)here,
		.length = (uint16_t)kept->length,
		.copy = here < kept->length ? kept_value_copy : NULL,
		.context = kept,
	};
}

static inline void kept_value_free(struct kept_value *kept)
{
	free(kept->bytes);
	*kept = (struct kept_value){0};
}

// Classifies and encodes; the reply must be one that is kept.
static inline void keep(
	struct kept_value *kept, const struct reply *query, const struct reply *reply)
{
	static uint8_t scratch[CACHE_ANSWER_BYTES_MOST];
	static uint8_t value[CACHE_ANSWER_BYTES_MOST];
	struct cache_answer_class class_;
	int length;

	CU_ASSERT_EQUAL_FATAL(
		cache_answer_classify(&class_, query->bytes, &query->message, reply->bytes,
			reply->length, &reply->message, &limits, 1700000000),
		CACHE_ANSWER_KEPT);
	length = cache_answer_encode(value, sizeof(value), &class_, reply->bytes, reply->length,
		&reply->message, scratch);
	CU_ASSERT_TRUE_FATAL(length >= CACHE_ANSWER_HEADER_BYTES);
	kept->length = (size_t)length;
	kept->bytes = malloc(kept->length);
	CU_ASSERT_PTR_NOT_NULL_FATAL(kept->bytes);
	memcpy(kept->bytes, value, kept->length);
}

// The query becomes its answer in a frame with `room`, the first `here` bytes of the value being
// at hand. Returns its length; `answer` is what was read of it, if there is one.
static inline uint16_t answer_in(struct kept_value *kept, size_t here, size_t room,
	const struct reply *query, uint16_t bufsize, struct cache_answer_manner manner,
	struct reply *answer)
{
	struct cache_answer_client client = cache_answer_client_make(&query->message, bufsize);
	struct cache_answer_value value = kept_value_view(kept, here);
	uint8_t *frame = malloc(room);
	uint16_t length;
	uint32_t sum;

	CU_ASSERT_PTR_NOT_NULL_FATAL(frame);
	memset(frame, 0xee, room);
	memcpy(frame, query->bytes, query->length < room ? query->length : room);
	client.question_sum = net_checksum_fold(net_checksum_add(0, query->bytes + DNS_HEADER_BYTES,
		query->message.question_end - (size_t)DNS_HEADER_BYTES));
	length = cache_answer_write_summed(frame, room, &client, &value, &manner, &sum);
	CU_ASSERT_TRUE_FATAL(length <= room);
	if (sum)
		CU_ASSERT_EQUAL(net_checksum_fold(sum),
			net_checksum_fold(net_checksum_add(0, frame, length)));
	kept->sums += sum != 0;
	if (length) {
		memcpy(answer->bytes, frame, length);
		answer->writer = byte_writer_make(answer->bytes, sizeof(answer->bytes));
		answer->writer.at += length;
		reply_finish(answer);
	}
	free(frame);
	free((void *)(uintptr_t)value.here);
	return length;
}

// The same with room enough, whole at hand, and in pieces with the same outcome.
static inline void answer(struct kept_value *kept, const struct reply *query,
	struct cache_answer_manner manner, struct reply *answer)
{
	static struct reply again;
	uint16_t length = answer_in(kept, SIZE_MAX, 2048, query, 1232, manner, answer);

	CU_ASSERT_TRUE_FATAL(length > 0);
	CU_ASSERT_EQUAL(kept->copies, 0);
	CU_ASSERT_EQUAL_FATAL(
		answer_in(kept, CACHE_ANSWER_HEADER_BYTES, 2048, query, 1232, manner, &again),
		length);
	CU_ASSERT_EQUAL(memcmp(again.bytes, answer->bytes, length), 0);
}
