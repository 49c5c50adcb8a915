// SPDX-License-Identifier: BSD-3-Clause
// Host names in TO: what is known of each.
#include <stdio.h>

#include "control.h"
#include "host_names.h"

#define LIST_TEXT 1024

struct list_text {
	char text[LIST_TEXT];
	size_t length;
};

// Those that have room in it.
static void list_add(struct list_text *list, const char *text)
{
	size_t room = sizeof(list->text) - list->length;
	int length =
		snprintf(list->text + list->length, room, "%s%s", list->length ? " " : "", text);

	if (length < 0 || (size_t)length >= room)
		list->text[list->length] = '\0';
	else
		list->length += (size_t)length;
}

static void show_name(const struct names_state *state, uint64_t now, struct stats_json *json)
{
	const struct names_record *record = state->record;
	uint64_t pause = record->due > now ? record->due - now : 0;
	struct list_text addresses = {.text = ""};
	char resolvers[HOST_NAMES_RESOLVERS_TEXT];
	char text[NET_ADDRESS_TEXT];

	for (size_t i = 0; i < record->known.count; i++)
		list_add(&addresses, net_address_format(&record->known.addresses[i], text));
	stats_json_open_object(json, NULL);
	stats_json_string(json, "name", state->host->name);
	stats_json_string(json, "resolver", host_names_resolvers(state->host, resolvers));
	stats_json_number(json, "lookups", (int64_t)state->lookups);
	stats_json_number(json, "failed", (int64_t)state->failed);
	stats_json_number(json, "changed", (int64_t)state->changed);
	stats_json_fraction(json, "next_in_seconds", pause / CLOCK_MILLISECOND);
	stats_json_string(json, "fault", record->why ? record->why : "none");
	stats_json_number(json, "count", (int64_t)record->known.count);
	stats_json_string(json, "addresses", addresses.text);
	stats_json_close_object(json);
}

void control_show_names(const struct app *app, uint64_t now, struct stats_json *json)
{
	size_t count = names_count(app->names);

	stats_json_open_array(json, "names");
	for (size_t i = 0; i < count; i++) {
		struct names_state state = names_state(app->names, i);

		show_name(&state, now, json);
	}
	stats_json_close_array(json);
}

static const char *name_in_forward(
	const struct config_forward *forward, const struct proxy_upstream *upstream)
{
	for (size_t i = 0; i < forward->upstream_count; i++) {
		const struct config_upstream *written = &forward->upstreams[i];

		if (written->host && written->is_tls == upstream->is_tls &&
			written->is_https == upstream->is_https &&
			net_endpoint_equal(&written->endpoint, &upstream->endpoint))
			return written->host->name;
	}
	return "";
}

const char *control_upstream_name(const struct app *app, uint16_t upstream)
{
	const struct proxy_upstream *of_set = &app->set->upstreams[upstream];
	size_t count;
	const struct config_forward *const *forwards;

	(void)config_hosts(app->config, &count);
	if (!count)
		return "";
	forwards = config_forwards(app->config, &count);
	for (size_t i = 0; i < count; i++) {
		if (app->set->numbers[i] == of_set->group)
			return name_in_forward(forwards[i], of_set);
	}
	return "";
}
