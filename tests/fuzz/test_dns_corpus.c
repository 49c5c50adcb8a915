// SPDX-License-Identifier: BSD-3-Clause
// Every message of the corpus through lib/dns, in heap buffers of just its size, so that a
// sanitizer sees any byte that is touched outside; what is made of a message is read again.
#include "unit.h"

#include "corpus.h"

#include "dns/message.h"

#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(0x6d696c6c72616365)
#define GOOD_MESSAGES 16384

// How often each result of dns_message_read() came.
struct tally {
	uint32_t results[DNS_READ_BAD_RECORDS + 1];
	uint32_t truncated;
	uint32_t answered;
	uint32_t wrong;
};

// Names the message that a check failed for.
static void tally_wrong(
	struct tally *tally, const struct corpus_message *message, uint32_t index, const char *what)
{
	if (tally->wrong++ < 10)
		fprintf(stderr, "message %u (%s, of good message %u): %s\n", index, message->damage,
			message->good_number, what);
}

static uint8_t *copy_to_heap(const uint8_t *bytes, size_t length, size_t room)
{
	uint8_t *copy = malloc(room ? room : 1);

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, bytes, length < room ? length : room);
	return copy;
}

// An answer of ours within its room: good with the query's id and question, or a bare header
// where the question could not be read or has no room.
static const char *check_error(const struct corpus_message *message, size_t room)
{
	struct dns_message query;
	enum dns_read_result read = dns_message_read(&query, message->bytes, message->length);
	uint8_t *bytes = copy_to_heap(message->bytes, message->length, room);
	size_t length = dns_message_make_error(
		bytes, room, read, &query, DNS_RCODE_SERVFAIL, DNS_EDE_NETWORK_ERROR, 1232);
	bool has_question = read != DNS_READ_BAD_QUESTION && room >= query.question_end;
	struct dns_message answer;
	enum dns_read_result answer_read = dns_message_read(&answer, bytes, length);
	const char *wrong = NULL;

	if (read == DNS_READ_SHORT || room < DNS_HEADER_BYTES)
		wrong = length ? "an answer to nothing" : NULL;
	else if (length > room)
		wrong = "an answer above its room";
	else if (answer_read != (has_question ? DNS_READ_GOOD : DNS_READ_BAD_QUESTION))
		wrong = "a bad answer";
	else if (!has_question && (length != DNS_HEADER_BYTES || answer.question_count))
		wrong = "an answer with more than a header";
	else if (answer.id != query.id || !(answer.flags & DNS_FLAG_QR) ||
		 answer.opcode != query.opcode || answer.rcode != DNS_RCODE_SERVFAIL)
		wrong = "an answer with another header";
	else if (has_question && !dns_message_same_question(message->bytes, &query, bytes, &answer))
		wrong = "an answer with another question";
	else if (room >= query.question_end + 17U && read == DNS_READ_GOOD &&
		 query.edns.is_present != answer.edns.is_present)
		wrong = "an answer with and without EDNS";
	free(bytes);
	return wrong;
}

static bool same_message(const struct dns_message *a, const struct dns_message *b)
{
	return a->id == b->id && a->flags == b->flags && a->question_count == b->question_count &&
	       a->answer_count == b->answer_count && a->authority_count == b->authority_count &&
	       a->additional_count == b->additional_count && a->question_end == b->question_end &&
	       a->answer_end == b->answer_end && a->authority_end == b->authority_end &&
	       a->edns.is_present == b->edns.is_present && a->edns.do_bit == b->edns.do_bit &&
	       a->edns.version == b->edns.version && a->edns.udp_size == b->edns.udp_size &&
	       a->edns.offset == b->edns.offset && a->edns.length == b->edns.length;
}

static const char *check_truncation(const struct corpus_message *message, size_t room)
{
	uint8_t *bytes = copy_to_heap(message->bytes, message->length, message->length);
	struct dns_message reply;
	struct dns_message again;
	const char *wrong = NULL;
	size_t length;

	dns_message_read(&reply, bytes, message->length);
	length = dns_message_truncate(bytes, (uint16_t)message->length, &reply, (uint16_t)room);
	if (length > room)
		wrong = "truncated above its room";
	else if (room < reply.question_end)
		wrong = length ? "truncated to less than a question" : NULL;
	else if (room >= message->length && memcmp(bytes, message->bytes, message->length) != 0)
		wrong = "truncated without need";
	else if (dns_message_read(&again, bytes, length) != DNS_READ_GOOD)
		wrong = "truncated to a bad message";
	else if (!dns_message_same_question(bytes, &again, message->bytes, &reply))
		wrong = "truncated to another question";
	else if (!same_message(&again, &reply))
		wrong = "truncated to other than it says";
	free(bytes);
	return wrong;
}

// The new size stands there and nothing else changed.
static const char *check_udp_size(const struct corpus_message *message)
{
	uint8_t *bytes = copy_to_heap(message->bytes, message->length, message->length);
	struct dns_message before;
	struct dns_message after;
	const char *wrong = NULL;
	uint16_t old_size;

	dns_message_read(&before, bytes, message->length);
	old_size = before.edns.udp_size;
	dns_message_set_udp_size(bytes, &before, 1111);
	before.edns.udp_size = 1111;
	if (dns_message_read(&after, bytes, message->length) != DNS_READ_GOOD ||
		!same_message(&after, &before))
		wrong = "the size was not set";
	dns_message_set_udp_size(bytes, &before, old_size);
	if (memcmp(bytes, message->bytes, message->length) != 0)
		wrong = "more than the size was set";
	free(bytes);
	return wrong;
}

static void check_changes(struct tally *tally, const struct corpus_message *message, uint32_t index,
	enum dns_read_result result, bool has_edns)
{
	size_t rooms[] = {512, message->length, message->length / 2, message->length * 3 / 4,
		message->length ? message->length - 1 : 0, message->length + 17, index % 300};
	const char *wrong = NULL;

	for (size_t i = 0; !wrong && i < BASE_ARRAY_SIZE(rooms); i++) {
		wrong = check_error(message, rooms[i]);
		tally->answered++;
		if (wrong || result != DNS_READ_GOOD)
			continue;
		wrong = check_truncation(message, rooms[i]);
		tally->truncated += rooms[i] < message->length;
	}
	if (!wrong && result == DNS_READ_GOOD && has_edns)
		wrong = check_udp_size(message);
	if (wrong)
		tally_wrong(tally, message, index, wrong);
}

static void check_message(struct tally *tally, const struct corpus_message *message, uint32_t index)
{
	uint8_t *bytes = copy_to_heap(message->bytes, message->length, message->length);
	struct dns_message read;
	enum dns_read_result result = dns_message_read(&read, bytes, message->length);

	tally->results[result]++;
	if (message->is_surely_bad && result == DNS_READ_GOOD)
		tally_wrong(tally, message, index, "was read as good");
	if ((message->length < DNS_HEADER_BYTES) != (result == DNS_READ_SHORT))
		tally_wrong(tally, message, index, "was not read as short, or was");
	check_changes(tally, message, index, result, read.edns.is_present);
	free(bytes);
}

static struct corpus *create_corpus(uint64_t seed, enum corpus_kind kind)
{
	struct corpus *corpus = corpus_create(seed, kind);

	CU_ASSERT_PTR_NOT_NULL_FATAL(corpus);
	return corpus;
}

static void check_damaged(enum corpus_kind kind)
{
	struct corpus *corpus = create_corpus(SEED, kind);
	struct corpus_message message;
	struct tally tally = {0};

	for (uint32_t index = 0; index < CORPUS_MESSAGES; index++) {
		corpus_make_damaged(corpus, index, &message);
		check_message(&tally, &message, index);
	}
	corpus_destroy(corpus);
	printf("\n    %u good, %u short, %u bad question, %u bad records; %u answers, %u "
	       "truncations ",
		tally.results[DNS_READ_GOOD], tally.results[DNS_READ_SHORT],
		tally.results[DNS_READ_BAD_QUESTION], tally.results[DNS_READ_BAD_RECORDS],
		tally.answered, tally.truncated);
	CU_ASSERT_EQUAL(tally.wrong, 0);
	CU_ASSERT_TRUE(tally.results[DNS_READ_GOOD] > 5000);
	CU_ASSERT_TRUE(tally.results[DNS_READ_SHORT] > 1000);
	CU_ASSERT_TRUE(tally.results[DNS_READ_BAD_QUESTION] > 20000);
	CU_ASSERT_TRUE(tally.results[DNS_READ_BAD_RECORDS] > 20000);
	CU_ASSERT_TRUE(tally.truncated > 20000);
}

static void damaged_queries_are_read_within_bounds(void)
{
	check_damaged(CORPUS_QUERY);
}

static void damaged_replies_are_read_within_bounds(void)
{
	check_damaged(CORPUS_REPLY);
}

static void check_good(enum corpus_kind kind)
{
	struct corpus *corpus = create_corpus(SEED, kind);
	struct corpus_message message;
	struct tally tally = {0};

	for (uint32_t number = 0; number < GOOD_MESSAGES; number++) {
		corpus_make_good(corpus, number, &message);
		check_message(&tally, &message, number);
	}
	corpus_destroy(corpus);
	CU_ASSERT_EQUAL(tally.wrong, 0);
	CU_ASSERT_EQUAL(tally.results[DNS_READ_GOOD], GOOD_MESSAGES);
	CU_ASSERT_TRUE(tally.truncated > GOOD_MESSAGES);
}

static void good_queries_are_good(void)
{
	check_good(CORPUS_QUERY);
}

static void good_replies_are_good(void)
{
	check_good(CORPUS_REPLY);
}

static void replies_answer_the_query_of_their_number(void)
{
	struct corpus *queries = create_corpus(SEED, CORPUS_QUERY);
	struct corpus *replies = create_corpus(SEED, CORPUS_REPLY);
	struct corpus_message query_bytes, reply_bytes;
	struct dns_message query, reply;
	uint32_t wrong = 0;

	for (uint32_t number = 0; number < GOOD_MESSAGES; number++) {
		corpus_make_good(queries, number, &query_bytes);
		corpus_make_good(replies, number, &reply_bytes);
		dns_message_read(&query, query_bytes.bytes, query_bytes.length);
		dns_message_read(&reply, reply_bytes.bytes, reply_bytes.length);
		wrong += query.id != reply.id || query.flags & DNS_FLAG_QR ||
			 !(reply.flags & DNS_FLAG_QR) ||
			 !dns_message_same_question(
				 query_bytes.bytes, &query, reply_bytes.bytes, &reply);
	}
	CU_ASSERT_EQUAL(wrong, 0);
	corpus_destroy(queries);
	corpus_destroy(replies);
}

// FNV-1a of 64 bits: at 2^17 messages a collision has odds of one in 2^31.
static uint64_t hash_of(const struct corpus_message *message)
{
	uint64_t hash = UINT64_C(0xcbf29ce484222325) ^ message->length;

	for (size_t i = 0; i < message->length; i++)
		hash = (hash ^ message->bytes[i]) * UINT64_C(0x100000001b3);
	return hash;
}

static int compare_hashes(const void *a_pointer, const void *b_pointer)
{
	uint64_t a = *(const uint64_t *)a_pointer;
	uint64_t b = *(const uint64_t *)b_pointer;

	return (a > b) - (a < b);
}

static uint32_t count_distinct(enum corpus_kind kind)
{
	struct corpus *corpus = create_corpus(SEED, kind);
	uint64_t *hashes = malloc(CORPUS_MESSAGES * sizeof(*hashes));
	struct corpus_message message;
	uint32_t distinct = 1;

	CU_ASSERT_PTR_NOT_NULL_FATAL(hashes);
	for (uint32_t index = 0; index < CORPUS_MESSAGES; index++) {
		corpus_make_damaged(corpus, index, &message);
		hashes[index] = hash_of(&message);
	}
	qsort(hashes, CORPUS_MESSAGES, sizeof(*hashes), compare_hashes);
	for (uint32_t i = 1; i < CORPUS_MESSAGES; i++)
		distinct += hashes[i] != hashes[i - 1];
	free(hashes);
	corpus_destroy(corpus);
	return distinct;
}

static void a_hundred_thousand_are_distinct(void)
{
	CU_ASSERT_TRUE(count_distinct(CORPUS_QUERY) >= 100000);
	CU_ASSERT_TRUE(count_distinct(CORPUS_REPLY) >= 100000);
}

static void messages_repeat_by_seed_and_only_by_seed(void)
{
	struct corpus *corpus = create_corpus(SEED, CORPUS_REPLY);
	struct corpus *same = create_corpus(SEED, CORPUS_REPLY);
	struct corpus *other = create_corpus(SEED + 1, CORPUS_REPLY);
	struct corpus_message a, b, c;
	uint32_t different = 0;

	// In the other order, so that none depends on the one before.
	for (uint32_t i = 0; i < CORPUS_MESSAGES; i += 16) {
		corpus_make_damaged(corpus, CORPUS_MESSAGES - 1 - i, &c);
		corpus_make_damaged(corpus, i, &a);
		corpus_make_damaged(same, i, &b);
		corpus_make_damaged(other, i, &c);
		CU_ASSERT_EQUAL(a.length, b.length);
		CU_ASSERT_EQUAL(memcmp(a.bytes, b.bytes, a.length), 0);
		different += a.length != c.length || memcmp(a.bytes, c.bytes, a.length) != 0;
	}
	CU_ASSERT_TRUE(different > CORPUS_MESSAGES / 16 * 9 / 10);
	corpus_destroy(corpus);
	corpus_destroy(same);
	corpus_destroy(other);
}

static const struct unit_case cases[] = {
	{"good queries are good", good_queries_are_good},
	{"good replies are good", good_replies_are_good},
	{"replies answer the query of their number", replies_answer_the_query_of_their_number},
	{"a hundred thousand are distinct", a_hundred_thousand_are_distinct},
	{"messages repeat by seed", messages_repeat_by_seed_and_only_by_seed},
	{"damaged queries", damaged_queries_are_read_within_bounds},
	{"damaged replies", damaged_replies_are_read_within_bounds},
};

UNIT_MAIN("dns corpus", cases)
