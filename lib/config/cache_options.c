// SPDX-License-Identifier: BSD-3-Clause
#include "config/cache_options.h"

#include <string.h>

#include "base/clock.h"
#include "config/suggest.h"
#include "config/values.h"

#define CACHE_SIZE_LEAST (UINT64_C(1) << 20)
#define CACHE_SIZE_MOST (UINT64_C(1) << 40)
#define SERVFAIL_MOST (300 * CLOCK_SECOND) // RFC 2308, section 7.1
#define STALE_RECHECK_MOST (300 * CLOCK_SECOND) // RFC 8767, section 5
#define STALE_UP_TO (3600 * CLOCK_SECOND)

struct cache_option {
	const char *name;
	size_t least; // arguments
	size_t most;
	int (*read)(struct config_cache_options *options, const struct config_line *line);
};

int config_read_ttl(struct config_reader *reader, const struct config_line *line, size_t index,
	uint32_t least, uint32_t *ttl)
{
	int err = config_read_number(reader, line, index, ttl);

	if (err)
		return err;
	if (*ttl < least)
		return config_fail_word(reader, line, index, "must be more than 0");
	if (*ttl > CONFIG_TTL_MOST)
		return config_fail_word(reader, line, index, "is above 2147483647 seconds");
	return 0;
}

// CAPACITY [TTL] [MINTTL]
static int option_read_part(struct config_cache_options *options, const struct config_line *line,
	struct config_cache_part *part)
{
	int err = config_read_number(options->reader, line, 1, &part->capacity);

	if (!err && !part->capacity)
		err = config_fail_word(options->reader, line, 1, "must be more than 0");
	if (!err && line->count > 2)
		err = config_read_ttl(options->reader, line, 2, 1, &part->ttl_most);
	if (!err && line->count > 3)
		err = config_read_ttl(options->reader, line, 3, 0, &part->ttl_least);
	return err;
}

static int option_read_success(struct config_cache_options *options, const struct config_line *line)
{
	return option_read_part(options, line, &options->cache->success);
}

static int option_read_denial(struct config_cache_options *options, const struct config_line *line)
{
	return option_read_part(options, line, &options->cache->denial);
}

// A number with a percent sign.
static int option_read_percentage(struct config_cache_options *options,
	const struct config_line *line, size_t index, uint8_t *percentage)
{
	const char *text = line->words[index].text;
	size_t length = strlen(text);
	char digits[4];
	uint32_t number;

	if (length < 2 || length > sizeof(digits) || text[length - 1] != '%')
		return config_fail_word(options->reader, line, index, "is not one of 10% to 90%");
	memcpy(digits, text, length - 1);
	digits[length - 1] = '\0';
	if (config_parse_number(digits, 10, 90, &number) != 0)
		return config_fail_word(options->reader, line, index, "is not one of 10% to 90%");
	*percentage = (uint8_t)number;
	return 0;
}

// prefetch AMOUNT [DURATION [PERCENTAGE%]]
static int option_read_prefetch(
	struct config_cache_options *options, const struct config_line *line)
{
	struct config_cache *cache = options->cache;
	int err = config_read_number(options->reader, line, 1, &cache->prefetch_amount);

	if (!err && line->count > 2)
		err = config_read_duration(options->reader, line, 2, 1, &cache->prefetch_pause);
	if (!err && line->count > 3)
		err = option_read_percentage(options, line, 3, &cache->prefetch_percentage);
	return err;
}

// A duration that becomes a TTL.
static int option_read_seconds(struct config_cache_options *options, const struct config_line *line,
	size_t index, uint64_t least, uint32_t *seconds)
{
	uint64_t duration;
	int err = config_read_duration(options->reader, line, index, least, &duration);

	if (err)
		return err;
	if (duration % CLOCK_SECOND)
		return config_fail_word(
			options->reader, line, index, "is not a whole number of seconds");
	if (duration / CLOCK_SECOND > CONFIG_TTL_MOST)
		return config_fail_word(options->reader, line, index, "is too long");
	*seconds = (uint32_t)(duration / CLOCK_SECOND);
	return 0;
}

// [RESPONSE_TTL [FAILURE_RECHECK]], from the word at `index` on.
static int option_read_stale_answer(
	struct config_cache_options *options, const struct config_line *line, size_t index)
{
	struct config_cache *cache = options->cache;
	int err = 0;

	if (line->count > index)
		err = option_read_seconds(options, line, index, 1, &cache->stale_ttl);
	if (!err && line->count > ++index)
		err = config_read_duration(options->reader, line, index, 0, &cache->stale_recheck);
	if (!err && cache->stale_recheck > STALE_RECHECK_MOST)
		err = config_fail_word(options->reader, line, index, "is above 5m");
	if (!err && line->count > ++index)
		err = config_fail(options->reader->error, line->words[index].place,
			"too many arguments for 'serve_stale': " CONFIG_WORD,
			line->words[index].text);
	return err;
}

// [DURATION [immediate ... | verify [VERIFY_TIMEOUT ...]]]
static int option_read_serve_stale(
	struct config_cache_options *options, const struct config_line *line)
{
	struct config_cache *cache = options->cache;
	int err = 0;

	cache->stale_up_to = STALE_UP_TO;
	cache->stale_mode = CONFIG_STALE_IMMEDIATE;
	if (line->count > 1)
		err = config_read_duration(options->reader, line, 1, 0, &cache->stale_up_to);
	if (err || line->count <= 2)
		return err;
	if (strcasecmp(line->words[2].text, "immediate") == 0)
		return option_read_stale_answer(options, line, 3);
	if (strcasecmp(line->words[2].text, "verify") != 0)
		return config_fail_word(options->reader, line, 2, "is not immediate or verify");
	cache->stale_mode = CONFIG_STALE_VERIFY;
	if (line->count > 3)
		err = config_read_duration(
			options->reader, line, 3, 0, &cache->stale_verify_timeout);
	return err ? err : option_read_stale_answer(options, line, 4);
}

static int option_read_servfail(
	struct config_cache_options *options, const struct config_line *line)
{
	int err = option_read_seconds(options, line, 1, 0, &options->cache->servfail_ttl);

	if (!err && options->cache->servfail_ttl > SERVFAIL_MOST / CLOCK_SECOND)
		err = config_fail_word(options->reader, line, 1, "is above 5m");
	return err;
}

// success or denial, then zones; none: all.
static int option_read_disable(struct config_cache_options *options, const struct config_line *line)
{
	struct config_token root = {.text = ".", .place = line->place};
	struct config_cache_part *part = &options->cache->success;
	int err = 0;

	if (strcmp(line->words[1].text, "denial") == 0)
		part = &options->cache->denial;
	else if (strcmp(line->words[1].text, "success") != 0)
		return config_fail_word(options->reader, line, 1, "is not success or denial");
	if (line->count == 2)
		return config_add_names(
			options->reader, &root, &part->disabled, &part->disabled_count);
	for (size_t i = 2; !err && i < line->count; i++)
		err = config_add_names(
			options->reader, &line->words[i], &part->disabled, &part->disabled_count);
	return err;
}

static int option_read_keepttl(struct config_cache_options *options, const struct config_line *line)
{
	(void)line;
	options->cache->keeps_ttl = true;
	return 0;
}

// Bytes, or as many K, M or G of 1024.
static int option_read_size(struct config_cache_options *options, const struct config_line *line)
{
	static const char suffixes[] = "KMG";
	const char *text = line->words[1].text;
	size_t digits = strspn(text, "0123456789");
	const char *suffix = text[digits] ? strchr(suffixes, text[digits]) : NULL;
	unsigned int shift = suffix ? 10 * (unsigned int)(suffix - suffixes + 1) : 0;
	uint64_t number = 0;

	if (!digits || (text[digits] && (!suffix || text[digits + 1])))
		return config_fail_word(
			options->reader, line, 1, "is not a number of bytes, as in '2G'");
	for (size_t i = 0; i < digits && number <= CACHE_SIZE_MOST; i++)
		number = number * 10 + (uint64_t)(text[i] - '0');
	if (number > CACHE_SIZE_MOST >> shift)
		return config_fail_word(options->reader, line, 1, "is above 1024G");
	if (number << shift < CACHE_SIZE_LEAST)
		return config_fail_word(options->reader, line, 1, "is below 1M");
	options->cache->size = number << shift;
	return 0;
}

static const struct cache_option cache_options[] = {
	{"success", 1, 3, option_read_success},
	{"denial", 1, 3, option_read_denial},
	{"prefetch", 1, 3, option_read_prefetch},
	{"serve_stale", 0, 5, option_read_serve_stale},
	{"servfail", 1, 1, option_read_servfail},
	{"disable", 1, CONFIG_ANY_COUNT, option_read_disable},
	{"keepttl", 0, 0, option_read_keepttl},
	{"size", 1, 1, option_read_size},
};

static int option_refuse_unknown(
	struct config_cache_options *options, const struct config_line *line)
{
	struct config_suggestion suggestion = {.word = line->words[0].text};
	struct config_error *error = options->reader->error;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(cache_options); i++)
		config_suggest(&suggestion, cache_options[i].name);
	if (suggestion.best)
		return config_fail(error, line->place,
			"unknown option " CONFIG_WORD " of cache, did you mean '%s'?",
			suggestion.word, suggestion.best);
	return config_fail(
		error, line->place, "unknown option " CONFIG_WORD " of cache", suggestion.word);
}

int config_read_cache_option(struct config_cache_options *options, const struct config_line *line)
{
	const struct cache_option *option = NULL;
	int err;

	for (size_t i = 0; !option && i < BASE_ARRAY_SIZE(cache_options); i++) {
		if (strcmp(line->words[0].text, cache_options[i].name) == 0)
			option = &cache_options[i];
	}
	if (!option)
		return option_refuse_unknown(options, line);
	err = config_check_arity(options->reader, line,
		(struct config_arity){.least = option->least, .most = option->most});
	return err ? err : option->read(options, line);
}
