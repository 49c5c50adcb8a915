// SPDX-License-Identifier: BSD-3-Clause
// The one line that says what is wrong and where. Management lcore only.
#pragma once

#include "base/compiler.h"
#include "config/config.h"

// How a word of the file stands in an error: in quotes, and not so long that it pushes the
// reason out of the line.
#define CONFIG_WORD "'%.100s'"

struct config_place {
	const char *file;
	unsigned int line; // from 1; 0 for the file as a whole
};

// Fills in the error, control characters replaced so that it is one line. Always -EINVAL.
int config_fail(struct config_error *error, struct config_place place, const char *format, ...)
	base_printf(3, 4);

// Always -ENOMEM.
int config_fail_memory(struct config_error *error, struct config_place place);
