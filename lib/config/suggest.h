// SPDX-License-Identifier: BSD-3-Clause
// The known word that a wrong one was meant to be. Management lcore only.
#pragma once

#include <stddef.h>

#define CONFIG_SUGGESTION_DISTANCE 2 // letters put in, left out or replaced

struct config_suggestion {
	const char *word; // to begin with the wrong word, `best` NULL
	const char *best;
	size_t distance;
};

// Looks at one known word: the nearest one stays in `best`, the first of equals.
void config_suggest(struct config_suggestion *suggestion, const char *known);
