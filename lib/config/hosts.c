// SPDX-License-Identifier: BSD-3-Clause
// Host names in TO. Who is asked for them is known at the end of the block alone, so that they stand
// in the list of upstreams without an address until then.
#include <errno.h>
#include <string.h>

#include "config/reader.h"
#include "config/values.h"

bool config_host_equal(const struct config_host *a, const struct config_host *b)
{
	if (a->resolver_count != b->resolver_count || strcmp(a->name, b->name) != 0)
		return false;
	for (size_t i = 0; i < a->resolver_count; i++) {
		if (!net_endpoint_equal(&a->resolvers[i], &b->resolvers[i]))
			return false;
	}
	return true;
}

static struct config_host *hosts_find(const struct config_forward *forward, const char *name)
{
	for (size_t i = 0; i < forward->host_count; i++) {
		if (strcmp(forward->hosts[i]->name, name) == 0)
			return forward->hosts[i];
	}
	return NULL;
}

// In the form of config_host.name; NULL with the error filled in. `text` is HOST or HOST:port.
static const char *hosts_read_name(
	struct config_reader *reader, struct config_place place, const char *text)
{
	size_t length = strcspn(text, ":");
	char *name = config_arena_copy_text(reader->arena, text, length);
	const char *checked = name ? config_read_server_name(reader, place, name) : NULL;

	if (!name)
		(void)config_fail_memory(reader->error, place);
	if (!checked)
		return NULL;
	for (size_t i = 0; checked[i]; i++)
		name[i] = checked[i]; // a dot at the end stays
	return name;
}

// The host of this name, new or not; NULL with the error filled in.
static struct config_host *hosts_add(struct config_reader *reader, struct config_place place,
	const char *name, struct config_forward *forward)
{
	struct config_host *host = hosts_find(forward, name);
	struct config_host **list;

	if (host)
		return host;
	list = config_arena_grow(reader->arena, forward->hosts, forward->host_count, sizeof(*list));
	host = config_arena_allocate(reader->arena, sizeof(*host));
	if (host)
		host->file = config_arena_copy_text(reader->arena, place.file, strlen(place.file));
	if (!list || !host || !host->file) {
		(void)config_fail_memory(reader->error, place);
		return NULL;
	}
	host->name = name;
	host->line = place.line;
	forward->hosts = list;
	list[forward->host_count++] = host;
	return host;
}

int config_add_host(struct config_reader *reader, const struct config_token *to, const char *text,
	struct config_upstream *upstream, struct config_forward *forward)
{
	const char *colon = strchr(text, ':');
	const char *name = hosts_read_name(reader, to->place, text);
	uint32_t port = upstream->endpoint.port;

	if (!name)
		return -EINVAL;
	if (colon && config_parse_number(colon + 1, 1, UINT16_MAX, &port) != 0)
		return config_fail(reader->error, to->place,
			CONFIG_WORD " has no port from 1 to 65535", to->text);
	upstream->host = hosts_add(reader, to->place, name, forward);
	if (!upstream->host)
		return -ENOMEM;
	upstream->endpoint = (struct net_endpoint){.port = (uint16_t)port};
	return config_add_upstream(reader, to->place, to->text, upstream, forward);
}

// Adds it to those of the configuration, unless it is there.
static int hosts_list(struct config_reader *reader, const struct config_host *host)
{
	struct config_place place = {.file = host->file, .line = host->line};
	struct config_hosts *hosts = reader->hosts;
	const struct config_host **list;

	for (size_t i = 0; i < hosts->count; i++) {
		if (config_host_equal(hosts->list[i], host))
			return 0;
	}
	if (hosts->count == CONFIG_HOST_COUNT)
		return config_fail(reader->error, place, CONFIG_WORD " is beyond %d host names",
			host->name, CONFIG_HOST_COUNT);
	list = config_arena_grow(reader->arena, hosts->list, hosts->count, sizeof(*list));
	if (!list)
		return config_fail_memory(reader->error, place);
	hosts->list = list;
	list[hosts->count++] = host;
	return 0;
}

// Over TLS it is the host that its certificate has to be for, unless another name is written.
static int hosts_set_server_name(struct config_reader *reader, struct config_upstream *upstream)
{
	size_t length = strlen(upstream->host->name);

	if (!upstream->is_tls || upstream->server_name)
		return 0;
	if (upstream->host->name[length - 1] == '.')
		length--;
	upstream->server_name = config_arena_copy_text(reader->arena, upstream->host->name, length);
	return upstream->server_name ? 0 : -ENOMEM;
}

// Adds an upstream for each known address of this one's host.
static int hosts_add_upstreams(struct config_reader *reader, struct config_upstream *upstream,
	struct config_forward *forward)
{
	const struct config_host *host = upstream->host;
	const struct config_known_hosts *known = reader->known;
	struct config_place place = {.file = host->file, .line = host->line};
	const struct config_host_addresses *found = NULL;
	int err = 0;

	if (hosts_set_server_name(reader, upstream))
		return config_fail_memory(reader->error, place);
	for (size_t i = 0; known && !found && i < known->count; i++) {
		if (config_host_equal(&known->list[i].host, host))
			found = &known->list[i];
	}
	for (size_t i = 0; found && !err && i < found->address_count; i++) {
		upstream->endpoint.address = found->addresses[i];
		err = config_add_upstream(reader, place, host->name, upstream, forward);
	}
	return err;
}

int config_finish_hosts(struct config_reader *reader, struct config_forward *forward,
	const struct net_endpoint *resolvers, size_t resolver_count)
{
	struct config_upstream *written = forward->upstreams;
	size_t count = forward->upstream_count;
	int err = 0;

	if (!forward->host_count)
		return 0;
	for (size_t i = 0; i < forward->host_count && !err; i++) {
		forward->hosts[i]->resolvers = resolvers;
		forward->hosts[i]->resolver_count = resolver_count;
		err = hosts_list(reader, forward->hosts[i]);
	}
	reader->upstream_count -= count;
	forward->upstreams = NULL;
	forward->upstream_count = 0;
	for (size_t i = 0; i < count && !err; i++) {
		struct config_place place = {
			.file = forward->hosts[0]->file, .line = forward->line};

		if (written[i].host)
			err = hosts_add_upstreams(reader, &written[i], forward);
		else
			err = config_add_upstream(reader, place, "TO", &written[i], forward);
	}
	return err;
}
