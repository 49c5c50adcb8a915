// SPDX-License-Identifier: BSD-3-Clause
// The options in the block of a `cache` line. Management lcore only.
#pragma once

#include "config/reader.h"

#define CONFIG_TTL_MOST INT32_MAX // RFC 2181, section 8

struct config_cache_options {
	struct config_reader *reader;
	struct config_cache *cache;
};

// One line of the block. 0; -EINVAL or -ENOMEM with the error filled in.
int config_read_cache_option(struct config_cache_options *options, const struct config_line *line);

// A time to live in seconds, from `least` on: one word of the line. As above.
int config_read_ttl(struct config_reader *reader, const struct config_line *line, size_t index,
	uint32_t least, uint32_t *ttl);
