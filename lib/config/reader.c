// SPDX-License-Identifier: BSD-3-Clause
#include "config/reader.h"

#include <errno.h>

#include "config/values.h"
#include "config/zones.h"

int config_check_arity(
	struct config_reader *reader, const struct config_line *line, struct config_arity arity)
{
	const char *name = line->words[0].text;
	size_t count = line->count - 1;

	if (count < arity.least)
		return config_fail(reader->error, line->place, CONFIG_WORD " needs %s", name,
			arity.least == 1 ? "an argument" : "more arguments");
	if (count > arity.most)
		return config_fail(reader->error, line->words[arity.most + 1].place,
			"too many arguments for " CONFIG_WORD ": " CONFIG_WORD, name,
			line->words[arity.most + 1].text);
	if (line->opens_block && !arity.takes_block)
		return config_fail(reader->error, line->place,
			CONFIG_WORD " takes no block, but '{' follows", name);
	return 0;
}

static int reader_add_zones(struct config_reader *reader, struct config_place place,
	const char *text, const struct config_zones *zones, struct dns_name **names, size_t *count)
{
	if (zones->count > CONFIG_NAME_COUNT - reader->name_count)
		return config_fail(reader->error, place, CONFIG_WORD " is beyond %d names", text,
			CONFIG_NAME_COUNT);
	for (size_t i = 0; i < zones->count; i++) {
		struct dns_name *list =
			config_arena_grow(reader->arena, *names, *count, sizeof(*list));

		if (!list)
			return config_fail_memory(reader->error, place);
		*names = list;
		list[(*count)++] = zones->names[i];
	}
	reader->name_count += zones->count;
	return 0;
}

int config_add_names(struct config_reader *reader, const struct config_token *word,
	struct dns_name **names, size_t *count)
{
	struct config_zones zones;
	enum config_zone_fault fault = config_parse_zone(word->text, &zones);

	if (fault != CONFIG_ZONE_GOOD)
		return config_fail(reader->error, word->place, CONFIG_WORD " %s", word->text,
			config_zone_fault_text(fault));
	return reader_add_zones(reader, word->place, word->text, &zones, names, count);
}

int config_add_zones(struct config_reader *reader, struct config_place place, const char *text,
	struct dns_name **names, size_t *count, uint16_t *port)
{
	struct config_zones zones;
	enum config_zone_fault fault = config_parse_zone_port(text, &zones, port);

	if (fault != CONFIG_ZONE_GOOD)
		return config_fail(reader->error, place, CONFIG_WORD " %s", text,
			config_zone_fault_text(fault));
	return reader_add_zones(reader, place, text, &zones, names, count);
}

int config_read_own_address(struct config_reader *reader, const struct config_line *line,
	const struct config_token *word, struct net_address *address)
{
	if (net_address_parse(word->text, address) != 0)
		return config_fail(reader->error, word->place,
			"%s " CONFIG_WORD " is not an IP address", line->words[0].text, word->text);
	if (net_address_is_unfit_as_source(address))
		return config_fail(reader->error, word->place,
			"%s " CONFIG_WORD " is not an address that a port can have",
			line->words[0].text, word->text);
	return 0;
}

int config_fail_word(struct config_reader *reader, const struct config_line *line, size_t index,
	const char *reason)
{
	return config_fail(reader->error, line->words[index].place, "%s " CONFIG_WORD " %s",
		line->words[0].text, line->words[index].text, reason);
}

int config_read_duration(struct config_reader *reader, const struct config_line *line, size_t index,
	uint64_t least, uint64_t *duration)
{
	int64_t nanoseconds;

	switch (config_parse_duration(line->words[index].text, &nanoseconds)) {
	case 0:
		break;
	case -EDOM:
		return config_fail_word(reader, line, index, "needs a unit, as in '30s'");
	case -ERANGE:
		return config_fail_word(reader, line, index, "is too long");
	default:
		return config_fail_word(reader, line, index, "is not a duration");
	}
	if (nanoseconds < 0 || (uint64_t)nanoseconds < least)
		return config_fail_word(reader, line, index,
			least ? "must be more than 0" : "must not be negative");
	*duration = (uint64_t)nanoseconds;
	return 0;
}

int config_read_number(struct config_reader *reader, const struct config_line *line, size_t index,
	uint32_t *number)
{
	const char *text = line->words[index].text;

	switch (config_parse_number(text, 0, UINT32_MAX, number)) {
	case 0:
		return 0;
	case -ERANGE:
		return config_fail_word(reader, line, index, "is above 4294967295");
	default:
		break;
	}
	if (text[0] == '-' && config_parse_number(text + 1, 0, UINT32_MAX, number) != -EINVAL)
		return config_fail_word(reader, line, index, "must not be negative");
	return config_fail_word(reader, line, index, "is not a number");
}
