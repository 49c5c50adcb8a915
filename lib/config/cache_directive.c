// SPDX-License-Identifier: BSD-3-Clause
#include <string.h>

#include "base/clock.h"
#include "config/cache_options.h"

// A million answers of 256 bytes, and little for a machine that serves them.
#define CACHE_SIZE (UINT64_C(256) << 20)

// Digits alone are the TTL, with a minus one that is wrong; all else is a zone.
static bool cache_word_is_ttl(const char *word)
{
	word += *word == '-';
	return *word && strspn(word, "0123456789") == strlen(word);
}

static int cache_read_block(struct config_cache_options *options, struct config_lines *lines)
{
	struct config_line line;
	int err;

	do {
		err = config_lines_next(lines, &line);
		if (!err && line.count)
			err = config_read_cache_option(options, &line);
	} while (!err && line.count);
	return err;
}

int config_read_cache(struct config_reader *reader, struct config_lines *lines,
	const struct config_line *line, struct config_cache *cache)
{
	struct config_cache_options options = {.reader = reader, .cache = cache};
	size_t zones = 1;
	int err = 0;

	*cache = (struct config_cache){
		.success = {.ttl_most = 3600, .ttl_least = 5},
		.denial = {.ttl_most = 1800, .ttl_least = 5},
		.size = CACHE_SIZE,
		.servfail_ttl = 5,
		.prefetch_pause = 60 * CLOCK_SECOND,
		.prefetch_percentage = 10,
		.stale_mode = CONFIG_STALE_IMMEDIATE,
		.stale_verify_timeout = 1800 * CLOCK_MILLISECOND, // RFC 8767, section 5
		.stale_ttl = 30,
		.stale_recheck = 30 * CLOCK_SECOND,
		.line = line->place.line,
	};
	if (line->count > 1 && cache_word_is_ttl(line->words[1].text)) {
		err = config_read_ttl(reader, line, zones++, 1, &cache->success.ttl_most);
		cache->denial.ttl_most = cache->success.ttl_most;
	}
	for (size_t i = zones; !err && i < line->count; i++)
		err = config_add_names(reader, &line->words[i], &cache->zones, &cache->zone_count);
	if (!err && line->opens_block)
		err = cache_read_block(&options, lines);
	return err;
}
