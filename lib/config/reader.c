// SPDX-License-Identifier: BSD-3-Clause
#include "config/reader.h"

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
