// SPDX-License-Identifier: BSD-3-Clause
// Every reply of the corpus, good and damaged, through what the cache keeps of replies.
#include "unit.h"

#include "answer_property.h"
#include "corpus.h"

#include <stdlib.h>
#include <string.h>

#define SEED UINT64_C(0x6d696c6c72616365)
#define GOOD_MESSAGES 16384

static uint32_t check(
	struct answer_tally *tally, const struct corpus_message *message, uint32_t index)
{
	uint8_t *bytes = malloc(message->length ? message->length : 1);
	const char *wrong;

	CU_ASSERT_PTR_NOT_NULL_FATAL(bytes);
	memcpy(bytes, message->bytes, message->length);
	wrong = answer_property(tally, bytes, message->length, index);
	if (wrong)
		fprintf(stderr, "message %u (%s, of good message %u): %s\n", index, message->damage,
			message->good_number, wrong);
	free(bytes);
	return wrong ? 1 : 0;
}

static void print_tally(const struct answer_tally *tally)
{
	printf("\n    %u read well, %u made anew, %u stripped, %u have good records, %u would be "
	       "kept, %u encoded, %u truncated ",
		tally->read, tally->rewritten, tally->stripped, tally->checked, tally->kept,
		tally->encoded, tally->truncated);
}

typedef void corpus_make(
	const struct corpus *corpus, uint32_t number, struct corpus_message *message);

// So many messages of the corpus; none may be wrong.
static struct answer_tally check_corpus(corpus_make *make, uint32_t count)
{
	struct corpus *corpus = corpus_create(SEED, CORPUS_REPLY);
	struct corpus_message message;
	struct answer_tally tally = {0};
	uint32_t wrong = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(corpus);
	for (uint32_t number = 0; number < count && wrong < 10; number++) {
		make(corpus, number, &message);
		wrong += check(&tally, &message, number);
	}
	corpus_destroy(corpus);
	print_tally(&tally);
	CU_ASSERT_EQUAL(wrong, 0);
	return tally;
}

static void good_replies_come_back(void)
{
	struct answer_tally tally = check_corpus(corpus_make_good, GOOD_MESSAGES);

	CU_ASSERT_EQUAL(tally.read, GOOD_MESSAGES);
	CU_ASSERT_TRUE(tally.rewritten > GOOD_MESSAGES / 2);
	CU_ASSERT_TRUE(tally.stripped > 100);
	CU_ASSERT_TRUE(tally.encoded > GOOD_MESSAGES / 2);
	CU_ASSERT_TRUE(tally.kept > 1000);
	CU_ASSERT_TRUE(tally.truncated > 100);
}

static void damaged_replies_come_back_or_are_refused(void)
{
	struct answer_tally tally = check_corpus(corpus_make_damaged, CORPUS_MESSAGES);

	CU_ASSERT_TRUE(tally.rewritten > 1000);
	CU_ASSERT_TRUE(tally.encoded > 1000);
	CU_ASSERT_TRUE(tally.checked < tally.read);
}

static const struct unit_case cases[] = {
	{"good replies come back", good_replies_come_back},
	{"damaged replies come back or are refused", damaged_replies_come_back_or_are_refused},
};

UNIT_MAIN("cache corpus", cases)
