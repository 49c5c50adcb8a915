// SPDX-License-Identifier: BSD-3-Clause
#include "error_consolidation.h"

#include <errno.h>
#include <regex.h>
#include <stdlib.h>

#include "config/values.h"

struct error_kind {
	const struct config_consolidation *rule;
	regex_t expression;
	uint64_t count; // since the first one that is not told of yet; 0: there is none
	uint64_t ends_at;
};

// Those of one `errors`: `count` of error_consolidations.kinds from `first` on.
struct error_kinds {
	uint32_t first;
	uint32_t count;
};

struct error_consolidations {
	struct error_kind *kinds;
	uint32_t kind_count; // whose expressions are compiled
	struct error_kinds *of_groups;
	uint16_t group_count;
	uint64_t next_end; // the first of all; UINT64_MAX: nothing is to be told
};

static size_t count_kinds(const struct config *config)
{
	size_t forward_count;
	const struct config_forward *const *forwards = config_forwards(config, &forward_count);
	size_t server_count;
	const struct config_server *servers = config_servers(config, &server_count);
	size_t count = 0;

	for (size_t i = 0; i < forward_count; i++) {
		const struct config_errors *errors = servers[forwards[i]->block].errors;

		count += errors ? errors->count : 0;
	}
	return count;
}

// 0 or -ENOMEM: that it is a regular expression was seen when the configuration was read.
static int add_kinds(struct error_consolidations *all, const struct config_errors *errors)
{
	for (size_t i = 0; i < errors->count; i++) {
		struct error_kind *kind = &all->kinds[all->kind_count];

		kind->rule = &errors->consolidations[i];
		if (regcomp(&kind->expression, kind->rule->expression, REG_EXTENDED | REG_NOSUB))
			return -ENOMEM;
		all->kind_count++;
	}
	return 0;
}

// The forwards of one block have the same ones, and stand side by side.
static int fill(
	struct error_consolidations *all, const struct config *config, const struct proxy_set *set)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);
	const struct config_forward *const *forwards = config_forwards(config, &count);
	const struct config_errors *last = NULL;
	struct error_kinds kinds = {0};
	int error = 0;

	for (size_t i = 0; i < count && !error; i++) {
		const struct config_errors *errors = servers[forwards[i]->block].errors;

		if (!errors)
			continue;
		if (errors != last) {
			kinds = (struct error_kinds){all->kind_count, (uint32_t)errors->count};
			error = add_kinds(all, errors);
		}
		last = errors;
		all->of_groups[set->numbers[i]] = kinds;
	}
	return error;
}

struct error_consolidations *error_consolidations_create(
	const struct config *config, const struct proxy_set *set)
{
	struct error_consolidations *all = calloc(1, sizeof(*all));

	if (!all)
		return NULL;
	all->next_end = UINT64_MAX;
	all->group_count = set->group_capacity;
	all->kinds = calloc(count_kinds(config) + 1, sizeof(*all->kinds));
	all->of_groups = calloc(set->group_capacity, sizeof(*all->of_groups));
	if (all->kinds && all->of_groups && fill(all, config, set) == 0)
		return all;
	error_consolidations_destroy(all);
	errno = ENOMEM;
	return NULL;
}

void error_consolidations_destroy(struct error_consolidations *all)
{
	if (!all)
		return;
	for (uint32_t i = 0; i < all->kind_count; i++)
		regfree(&all->kinds[i].expression);
	free(all->kinds);
	free(all->of_groups);
	free(all);
}

static uint64_t time_after(uint64_t now, uint64_t span)
{
	return span < UINT64_MAX - now ? now + span : UINT64_MAX;
}

bool error_consolidations_take(struct error_consolidations *all, uint16_t group, const char *text,
	uint64_t now, enum config_error_level *level)
{
	const struct error_kinds none = {0};
	const struct error_kinds *kinds = group < all->group_count ? &all->of_groups[group] : &none;

	*level = CONFIG_LEVEL_ERROR;
	for (uint32_t i = 0; i < kinds->count; i++) {
		struct error_kind *kind = &all->kinds[kinds->first + i];

		if (regexec(&kind->expression, text, 0, NULL, 0) != 0)
			continue;
		*level = kind->rule->level;
		if (kind->count++)
			return true;
		kind->ends_at = time_after(now, kind->rule->period);
		if (kind->ends_at < all->next_end)
			all->next_end = kind->ends_at;
		return !kind->rule->shows_first;
	}
	return false;
}

void error_level_write(struct stats_text *text, enum config_error_level level)
{
	static const char *const names[] = {
		[CONFIG_LEVEL_ERROR] = "ERROR",
		[CONFIG_LEVEL_WARNING] = "WARNING",
		[CONFIG_LEVEL_INFO] = "INFO",
		[CONFIG_LEVEL_DEBUG] = "DEBUG",
	};

	stats_text_print(text, "[%s] plugin/errors: ", names[level]);
}

// One that was shown when it came is not told of again.
static void tell(struct error_kind *kind, struct stats_text *text)
{
	char period[CONFIG_DURATION_TEXT];

	if (kind->count > kind->rule->shows_first) {
		error_level_write(text, kind->rule->level);
		stats_text_print(text, "%llu errors like '", (unsigned long long)kind->count);
		stats_text_add_string(text, kind->rule->expression);
		stats_text_print(text, "' occurred in last %s\n",
			config_format_duration(kind->rule->period, period));
	}
	kind->count = 0;
}

void error_consolidations_tell(
	struct error_consolidations *all, uint64_t now, struct stats_text *text)
{
	if (now < all->next_end)
		return;
	all->next_end = UINT64_MAX;
	for (uint32_t i = 0; i < all->kind_count; i++) {
		struct error_kind *kind = &all->kinds[i];

		if (kind->count && now >= kind->ends_at)
			tell(kind, text);
		if (kind->count && kind->ends_at < all->next_end)
			all->next_end = kind->ends_at;
	}
}

void error_consolidations_tell_rest(struct error_consolidations *all, struct stats_text *text)
{
	for (uint32_t i = 0; i < all->kind_count; i++)
		tell(&all->kinds[i], text);
	all->next_end = UINT64_MAX;
}
