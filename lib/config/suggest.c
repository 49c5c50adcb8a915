// SPDX-License-Identifier: BSD-3-Clause
#include "config/suggest.h"

#include <string.h>

#define SUGGESTION_WORD_BYTES 64

static size_t suggest_least(size_t a, size_t b, size_t c)
{
	size_t least = a < b ? a : b;

	return least < c ? least : c;
}

// Levenshtein's distance, one row at a time.
static size_t suggest_distance(const char *a, const char *b)
{
	size_t row[SUGGESTION_WORD_BYTES + 1];
	size_t length = strlen(b);

	if (strlen(a) > SUGGESTION_WORD_BYTES || length > SUGGESTION_WORD_BYTES)
		return SUGGESTION_WORD_BYTES;
	for (size_t i = 0; i <= length; i++)
		row[i] = i;
	for (; *a; a++) {
		size_t diagonal = row[0]++;

		for (size_t i = 1; i <= length; i++) {
			size_t replaced = diagonal + (*a != b[i - 1]);

			diagonal = row[i];
			row[i] = suggest_least(row[i] + 1, row[i - 1] + 1, replaced);
		}
	}
	return row[length];
}

void config_suggest(struct config_suggestion *suggestion, const char *known)
{
	size_t distance = suggest_distance(suggestion->word, known);

	if (distance > CONFIG_SUGGESTION_DISTANCE)
		return;
	if (suggestion->best && distance >= suggestion->distance)
		return;
	suggestion->best = known;
	suggestion->distance = distance;
}
