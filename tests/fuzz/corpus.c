// SPDX-License-Identifier: BSD-3-Clause
#include "corpus.h"

#include "corpus_sample.h"

#include <stdlib.h>

#define TRUNCATIONS_MOST (CORPUS_MESSAGES / 3)

struct corpus {
	uint64_t seed;
	enum corpus_kind kind;
	uint32_t truncation_count;
	// The good message that each truncation is of, and what is left of it.
	struct truncation {
		uint32_t number;
		uint32_t length;
	} truncations[TRUNCATIONS_MOST];
};

// A good message in `message`, with the sample that knows where its records are.
static void make_sample(const struct corpus *corpus, uint32_t number, struct sample *sample,
	struct corpus_message *message)
{
	sample->writer = byte_writer_make(message->bytes, sizeof(message->bytes));
	sample_make_good(sample, corpus->seed, corpus->kind, number);
	message->good_number = number;
	message->length = byte_writer_length(&sample->writer);
	message->damage = "none";
	message->is_surely_bad = false;
}

// Whole messages, one after another, cut at every byte, until there are enough.
static void plan_truncations(struct corpus *corpus, struct corpus_message *message)
{
	uint32_t count = 0;

	corpus->truncations[count++] = (struct truncation){0, 0};
	for (uint32_t number = 0; count < TRUNCATIONS_MOST; number++) {
		corpus_make_good(corpus, number, message);
		for (uint32_t length = 1; length < message->length; length++) {
			if (count == TRUNCATIONS_MOST)
				break;
			corpus->truncations[count++] = (struct truncation){number, length};
		}
	}
	corpus->truncation_count = count;
}

struct corpus *corpus_create(uint64_t seed, enum corpus_kind kind)
{
	struct corpus *corpus = malloc(sizeof(*corpus));
	struct corpus_message *message = malloc(sizeof(*message));

	if (corpus && message) {
		corpus->seed = seed;
		corpus->kind = kind;
		plan_truncations(corpus, message);
	} else {
		free(corpus);
		corpus = NULL;
	}
	free(message);
	return corpus;
}

void corpus_destroy(struct corpus *corpus)
{
	free(corpus);
}

void corpus_make_good(const struct corpus *corpus, uint32_t number, struct corpus_message *message)
{
	struct sample sample;

	make_sample(corpus, number, &sample, message);
}

void corpus_make_damaged(
	const struct corpus *corpus, uint32_t index, struct corpus_message *message)
{
	struct sample_random random = {.state = ~corpus->seed ^ (uint64_t)index << 24};
	const struct sample_damage *damage;
	struct sample sample;

	if (index < corpus->truncation_count) {
		make_sample(corpus, corpus->truncations[index].number, &sample, message);
		message->length = corpus->truncations[index].length;
		message->damage = "cut";
		message->is_surely_bad = true;
		return;
	}
	damage = &sample_damages[index % sample_damage_count];
	make_sample(corpus, index, &sample, message);
	damage->apply(&sample, &random);
	message->length = byte_writer_length(&sample.writer);
	message->damage = damage->name;
	message->is_surely_bad = damage->is_sure;
}
