// SPDX-License-Identifier: BSD-3-Clause
// What the configuration was read from, and whether it has changed: files, addresses of names.
#include <sys/random.h>

#include "app.h"
#include "base/clock.h"
#include "host_names.h"
#include "reload_private.h"

#define UPSTREAM_FILES_PERIOD CLOCK_SECOND

void reload_keep_sums(struct app *app, struct config_sums sums)
{
	struct reload *reload = &app->reload;

	// A file in TO that has changed, too, is not what was refused of the others.
	if (reload->is_of_upstreams)
		reload->sums.upstreams = sums.upstreams;
	else
		reload->sums.sources = sums.sources;
}

static uint64_t next_look(const struct config_reload *how, uint64_t now)
{
	uint32_t drawn = 0;

	// Without random bytes all look at the same time, which does no harm here.
	if (getrandom(&drawn, sizeof(drawn), GRND_NONBLOCK) != (ssize_t)sizeof(drawn))
		drawn = 0;
	return now + how->interval - how->jitter / 2 + (how->jitter >> 16) * (drawn >> 16);
}

// A change that is found is read in this turn.
static void follow_files(struct app *app, uint64_t now)
{
	const struct config_reload *how = config_reload(app->config);
	struct reload *reload = &app->reload;

	if (!reload->has_sums) {
		reload->sums = config_sums(app->config);
		reload->has_sums = true;
		reload->follow_due = next_look(how, now);
	}
	if (reload->sums.has_upstreams && now >= reload->follow_upstreams_due) {
		reload->follow_upstreams_due = now + UPSTREAM_FILES_PERIOD;
		if (config_sums_now_of_upstreams(app->config).upstreams != reload->sums.upstreams)
			reload->is_wanted_of_upstreams = true;
	}
	if (!how->interval || now < reload->follow_due)
		return;
	reload->follow_due = next_look(how, now);
	if (config_sums_now(app->config).sources != reload->sums.sources)
		reload->is_wanted = true;
}

static void follow_names(struct app *app, uint64_t now)
{
	uint64_t addresses = names_generation(app->names);
	struct reload *reload = &app->reload;

	if (addresses == reload->addresses)
		return;
	if (addresses != reload->refused_addresses || now >= reload->retry_due)
		reload->is_wanted_of_upstreams = true;
}

void reload_follow_sources(struct app *app, uint64_t now)
{
	follow_files(app, now);
	follow_names(app, now);
}
