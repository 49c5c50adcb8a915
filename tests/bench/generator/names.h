// SPDX-License-Identifier: BSD-3-Clause
// Which name is asked next, as a number.
#pragma once

#include <stdint.h>

#include "base/compiler.h"
#include "options.h"

#define NAMES_SAMPLES (1u << 20)
#define NAMES_NEW_FIRST (UINT64_C(1) << 32) // behind all others

struct names {
	enum option_names kind;
	uint32_t count;
	uint64_t state; // of the generator of random numbers; of different names, the next
	uint32_t *samples; // of Zipf: drawn beforehand, and gone round
	uint32_t new_percent; // of all: names that were never asked for
	uint64_t new_draws; // of the generator of random numbers that says which
	uint64_t next_new;
	uint64_t fill_left; // names of the set still to be asked one after the other
};

// `seed` is the first of different names. 0 or -ENOMEM.
int names_init(struct names *names, const struct options *options, uint64_t seed);
void names_fini(struct names *names);

// SplitMix64: one multiplication a step would do, three make it even.
static inline uint64_t names_random(uint64_t *state)
{
	uint64_t mixed = *state += UINT64_C(0x9e3779b97f4a7c15);

	mixed = (mixed ^ mixed >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	mixed = (mixed ^ mixed >> 27) * UINT64_C(0x94d049bb133111eb);
	return mixed ^ mixed >> 31;
}

static inline uint64_t names_next(struct names *names)
{
	if (base_unlikely(names->fill_left))
		return --names->fill_left % names->count;
	if (base_unlikely(names->new_percent) &&
		(names_random(&names->new_draws) >> 32) * 100 >> 32 < names->new_percent)
		return names->next_new++;
	if (names->kind == OPTION_NAMES_DIFFERENT)
		return names->state++;
	if (names->kind == OPTION_NAMES_UNIFORM)
		return (names_random(&names->state) >> 32) * names->count >> 32;
	return names->samples[names->state++ & (NAMES_SAMPLES - 1)];
}
