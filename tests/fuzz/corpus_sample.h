// SPDX-License-Identifier: BSD-3-Clause
// A message of the corpus while it is made: its bytes, and where its records are.
#pragma once

#include "corpus.h"

#include "base/bytes.h"

#define SAMPLE_RECORDS_MOST 96
#define SAMPLE_HEADER_BYTES 12

enum sample_section {
	SAMPLE_ANSWER = 6, // where its count stands in the header
	SAMPLE_AUTHORITY = 8,
	SAMPLE_ADDITIONAL = 10,
};

struct sample_record {
	size_t name_offset;
	size_t fields_offset; // of the type
};

struct sample {
	struct byte_writer writer;
	size_t question_end;
	size_t record_count;
	struct sample_record records[SAMPLE_RECORDS_MOST];
};

// SplitMix64 (Steele, Lea, Flood 2014): numbers for tests, not for secrets.
struct sample_random {
	uint64_t state;
};

static inline uint64_t sample_random_u64(struct sample_random *random)
{
	uint64_t mixed = random->state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

// In [0, limit); 0 for a limit of 0.
static inline uint32_t sample_random_below(struct sample_random *random, uint32_t limit)
{
	return (uint32_t)((sample_random_u64(random) >> 32) * limit >> 32);
}

// Starts a record behind what there is and counts it in `section`; its data follows by the writer
// and sample_end_record(). Sections are filled in order.
void sample_start_record(struct sample *sample, enum sample_section section, const void *name,
	size_t name_length, uint16_t type, uint16_t class_, uint32_t ttl);
void sample_end_record(struct sample *sample);
void sample_add_opt(struct sample *sample, uint16_t udp_size, uint32_t ttl, const void *options,
	size_t options_length);

// Writes a good message from the start of the writer's room.
void sample_make_good(struct sample *sample, uint64_t seed, enum corpus_kind kind, uint32_t number);

// One way to damage a good message.
struct sample_damage {
	const char *name;
	void (*apply)(struct sample *sample, struct sample_random *random);
	bool is_sure; // that the message is bad then
};

extern const struct sample_damage sample_damages[];
extern const size_t sample_damage_count;
