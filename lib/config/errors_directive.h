// SPDX-License-Identifier: BSD-3-Clause
// `errors`, with lines of one kind told of once a time. Management lcore only.
#pragma once

#include "config/reader.h"

#define CONFIG_CONSOLIDATIONS_MOST 64 // of one `errors`

// Bounds of a regular expression, so that neither its size nor its repeats cost much.
#define CONFIG_EXPRESSION_BYTES_MOST 1000
#define CONFIG_EXPRESSION_REPEATS_MOST 1000

// Fills in `errors` from a line and its block. 0; -EINVAL or -ENOMEM with the error filled in.
int config_read_errors(struct config_reader *reader, struct config_lines *lines,
	const struct config_line *line, struct config_errors *errors);
