// SPDX-License-Identifier: BSD-3-Clause
// A corpus of DNS messages, good and damaged, that is the same on every machine: each message
// follows from a seed, a kind and an index, and any can be made again alone.
//
// Good query N and good reply N of one seed have the same id and question. Names in a good
// message are compressed as servers do it, and its records are of many types.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define CORPUS_MESSAGES 131072 // damaged ones of each kind; above 100,000 of them are distinct
#define CORPUS_MESSAGE_BYTES 4096

enum corpus_kind {
	CORPUS_QUERY, // as from a client
	CORPUS_REPLY, // as from an upstream
};

struct corpus_message {
	size_t length;
	uint32_t good_number; // of the good message it was made of
	const char *damage; // what was done to it, or "none"
	bool is_surely_bad; // no reader may take it for good; else it may still be
	uint8_t bytes[CORPUS_MESSAGE_BYTES];
};

struct corpus;

// NULL with errno ENOMEM.
struct corpus *corpus_create(uint64_t seed, enum corpus_kind kind);
void corpus_destroy(struct corpus *corpus);

// Any number gives a good message.
void corpus_make_good(const struct corpus *corpus, uint32_t number, struct corpus_message *message);

// The damaged message at `index`, below CORPUS_MESSAGES. The first ones are truncations.
void corpus_make_damaged(
	const struct corpus *corpus, uint32_t index, struct corpus_message *message);
