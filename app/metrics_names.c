// SPDX-License-Identifier: BSD-3-Clause
// Host names in TO: how often they were asked for, and what came of it.
#include "host_names.h"
#include "metrics.h"
#include "metrics_row.h"

struct metrics_name {
	struct names_state state;
	uint16_t addresses;
};

#define NAME(field) NUMBER_FIELD(struct metrics_name, field)

static const struct metrics_row rows[] = {
	{"millrace_host_name_lookups_total", STATS_METRIC_COUNTER,
		"Times that the addresses of a host name in TO were asked for.",
		NAME(state.lookups)},
	{"millrace_host_name_lookups_failed_total", STATS_METRIC_COUNTER,
		"Those after which what was known before had to do.", NAME(state.failed)},
	{"millrace_host_name_changes_total", STATS_METRIC_COUNTER,
		"Those after which the addresses were others.", NAME(state.changed)},
	{"millrace_host_name_addresses", STATS_METRIC_GAUGE,
		"Addresses known of a host name in TO.", NAME(addresses)},
};

static void write_row(const struct app *app, struct stats_text *text, const struct metrics_row *row)
{
	struct stats_metric metric = metrics_row_begin(text, row);

	for (size_t i = 0; i < names_count(app->names); i++) {
		struct metrics_name name = {.state = names_state(app->names, i)};
		char resolvers[HOST_NAMES_RESOLVERS_TEXT];
		const struct stats_label labels[] = {
			{"name", name.state.host->name},
			{"resolver", host_names_resolvers(name.state.host, resolvers)},
		};

		name.addresses = name.state.record->known.count;
		metrics_row_write(&metric, row, labels, 2, &name);
	}
}

// Without host names, not even their metrics.
void metrics_write_names(const struct app *app, struct stats_text *text)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(rows) && names_count(app->names); i++)
		write_row(app, text, &rows[i]);
}
