// SPDX-License-Identifier: BSD-3-Clause
// A configuration in memory, and what must come of it.
#pragma once

#include "unit.h"

#include "config/config.h"

#include <string.h>

struct config_refusal {
	const char *text;
	const char *error;
};

// The configuration of `text`, under the name Corefile; a failed assertion and NULL when it is
// refused.
static inline struct config *config_accept(const char *text)
{
	struct config_error error = {0};
	struct config *config = config_read_text("Corefile", text, &error);

	if (!config)
		fprintf(stderr, "\n%.400s\nwas refused: %s\n", text, error.text);
	CU_ASSERT_PTR_NOT_NULL(config);
	return config;
}

// `text` is refused with exactly this error.
static inline void config_refuse(const char *text, const char *expected)
{
	struct config_error error = {0};
	struct config *config = config_read_text("Corefile", text, &error);

	if (config || strcmp(error.text, expected) != 0)
		fprintf(stderr, "\n%.400s\n  expected: %s\n  got:      %s\n", text, expected,
			config ? "no error" : error.text);
	CU_ASSERT_PTR_NULL(config);
	CU_ASSERT_STRING_EQUAL(error.text, expected);
	config_destroy(config);
}

static inline void config_refuse_each(const struct config_refusal *refusals, size_t count)
{
	for (size_t i = 0; i < count; i++)
		config_refuse(refusals[i].text, refusals[i].error);
}

// A block of options under one `forward` line, the options on line 3.
#define CONFIG_OPTIONS(options) ". {\nforward . 192.0.2.1 {\n" options "\n}\n}\n"
