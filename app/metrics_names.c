// SPDX-License-Identifier: BSD-3-Clause
// Host names in TO: how often they were asked for, and what came of it.
#include "host_names.h"
#include "metrics.h"

struct names_metric {
	const char *name;
	enum stats_metric_kind kind;
	const char *help;
	uint64_t (*read)(const struct names_state *state);
};

static uint64_t read_lookups(const struct names_state *state)
{
	return state->lookups;
}

static uint64_t read_failed(const struct names_state *state)
{
	return state->failed;
}

static uint64_t read_changed(const struct names_state *state)
{
	return state->changed;
}

static uint64_t read_addresses(const struct names_state *state)
{
	return state->record->known.count;
}

static const struct names_metric metrics[] = {
	{"millrace_host_name_lookups_total", STATS_METRIC_COUNTER,
		"Times that the addresses of a host name in TO were asked for.", read_lookups},
	{"millrace_host_name_lookups_failed_total", STATS_METRIC_COUNTER,
		"Those after which what was known before had to do.", read_failed},
	{"millrace_host_name_changes_total", STATS_METRIC_COUNTER,
		"Those after which the addresses were others.", read_changed},
	{"millrace_host_name_addresses", STATS_METRIC_GAUGE,
		"Addresses known of a host name in TO.", read_addresses},
};

void metrics_write_names(const struct app *app, struct stats_text *text)
{
	size_t count = names_count(app->names);

	for (size_t i = 0; i < BASE_ARRAY_SIZE(metrics) && count; i++) {
		struct stats_metric metric =
			stats_metric_begin(text, metrics[i].name, metrics[i].kind, metrics[i].help);

		for (size_t j = 0; j < count; j++) {
			struct names_state state = names_state(app->names, j);
			char resolvers[HOST_NAMES_RESOLVERS_TEXT];
			const struct stats_label labels[] = {{"name", state.host->name},
				{"resolver", host_names_resolvers(state.host, resolvers)}};

			stats_metric_number(&metric, labels, 2, metrics[i].read(&state));
		}
	}
}
