// SPDX-License-Identifier: BSD-3-Clause
#include "names.h"

#include <errno.h>
#include <stdlib.h>

// Zipf's law with exponent 1: the n-th name is asked 1/n as often as the first.
static int draw_samples(struct names *names)
{
	double *ends = malloc(names->count * sizeof(*ends));
	double sum = 0;

	names->samples = malloc(NAMES_SAMPLES * sizeof(*names->samples));
	if (!ends || !names->samples) {
		free(ends);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < names->count; i++) {
		sum += 1.0 / (i + 1.0);
		ends[i] = sum;
	}
	for (uint32_t i = 0; i < NAMES_SAMPLES; i++) {
		double wanted = (double)(names_random(&names->state) >> 11) * 0x1p-53 * sum;
		uint32_t low = 0, high = names->count - 1;

		while (low < high) {
			uint32_t middle = low + (high - low) / 2;

			if (ends[middle] > wanted)
				high = middle;
			else
				low = middle + 1;
		}
		names->samples[i] = low;
	}
	free(ends);
	return 0;
}

int names_init(struct names *names, const struct options *options, uint64_t seed)
{
	*names = (struct names){
		.kind = options->names,
		.count = options->name_count,
		.state = seed,
		.new_percent = options->new_names,
		.new_draws = ~seed,
		.next_new = NAMES_NEW_FIRST,
	};
	return names->kind == OPTION_NAMES_ZIPF ? draw_samples(names) : 0;
}

void names_fini(struct names *names)
{
	free(names->samples);
	names->samples = NULL;
}
