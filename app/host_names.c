// SPDX-License-Identifier: BSD-3-Clause
#include "host_names.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

static void wait_for_answers(struct app *app)
{
	uint64_t until = clock_now() + HOST_NAMES_MOST;

	names_turn(app->names, clock_now());
	while (names_are_awaited(app->names) && clock_now() < until) {
		(void)poll(NULL, 0, 1);
		names_turn(app->names, clock_now());
	}
}

int host_names_open(struct app *app, struct config_error *why)
{
	struct config *config;
	size_t count;
	int error;

	app->names = names_create();
	error = app->names ? names_follow(app->names, app->config, NULL) : -errno;
	if (error) {
		(void)snprintf(why->text, sizeof(why->text),
			"millrace: error: host names can not be asked for: %s", strerror(-error));
		return error;
	}
	(void)config_hosts(app->config, &count);
	if (!count)
		return 0;
	wait_for_answers(app);
	config = host_names_read(app, app->config, why);
	if (!config)
		return -EINVAL;
	config_destroy(app->config);
	app->config = config;
	app->reload.addresses = names_generation(app->names);
	return 0;
}

void host_names_close(struct app *app)
{
	names_destroy(app->names);
	app->names = NULL;
}

void host_names_turn(struct app *app, uint64_t now)
{
	if (app->phase == WORKER_RUNS)
		names_turn(app->names, now);
}

const char *host_names_resolvers(
	const struct config_host *host, char text[HOST_NAMES_RESOLVERS_TEXT])
{
	size_t length = 0;

	if (!host->resolver_count)
		return "system";
	for (size_t i = 0; i < host->resolver_count; i++) {
		char endpoint[NET_ENDPOINT_TEXT];

		length += (size_t)snprintf(text + length, HOST_NAMES_RESOLVERS_TEXT - length,
			"%s%s", i ? " " : "", net_endpoint_format(&host->resolvers[i], endpoint));
	}
	return text;
}

// Says of each of its names why it has no address.
static int refuse_forward(
	const struct app *app, const struct config_forward *forward, struct config_error *why)
{
	size_t length = (size_t)snprintf(why->text, sizeof(why->text),
		"%s:%u: no upstream: ", forward->hosts[0]->file, forward->hosts[0]->line);

	for (size_t i = 0; i < forward->host_count && length < sizeof(why->text); i++)
		length += (size_t)snprintf(why->text + length, sizeof(why->text) - length,
			"%s%s: %s", i ? "; " : "", forward->hosts[i]->name,
			names_fault(app->names, forward->hosts[i]));
	return -EADDRNOTAVAIL;
}

static int check_forwards(
	const struct app *app, const struct config *config, struct config_error *why)
{
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);

	for (size_t i = 0; i < count; i++) {
		if (!forwards[i]->upstream_count)
			return refuse_forward(app, forwards[i], why);
	}
	return 0;
}

struct config *host_names_read(
	const struct app *app, const struct config *config, struct config_error *why)
{
	struct config_known_hosts known = names_known(app->names);
	struct config *read = config_read_again(config, &known, why);

	if (!read || check_forwards(app, read, why) == 0)
		return read;
	config_destroy(read);
	return NULL;
}
