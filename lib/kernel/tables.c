// SPDX-License-Identifier: BSD-3-Clause
#include "kernel/tables.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/mirror.h"

// A dump may miss something when it is changed under way, and is then taken again.
#define DUMP_TRIES 8
// Batches of events that one update takes in, so that it comes to an end.
#define UPDATE_BATCHES 4096

struct kernel_tables {
	struct kernel_netlink *netlink;
	struct kernel_attachments attachments;
	struct kernel_mirror mirror;
};

void kernel_mirror_init(struct kernel_mirror *mirror, const struct kernel_attachments *attachments)
{
	*mirror = (struct kernel_mirror){.attachments = attachments};
	kernel_records_init(&mirror->links, sizeof(struct kernel_link_record));
	kernel_records_init(&mirror->addresses, sizeof(struct kernel_address_record));
	kernel_records_init(&mirror->neighbours, sizeof(struct kernel_neighbour_record));
	kernel_records_init(&mirror->routes, sizeof(struct kernel_route_record));
}

void kernel_mirror_fini(struct kernel_mirror *mirror)
{
	kernel_records_fini(&mirror->links);
	kernel_records_fini(&mirror->addresses);
	kernel_records_fini(&mirror->neighbours);
	kernel_records_fini(&mirror->routes);
}

static int take_message(struct kernel_mirror *mirror, const struct nlmsghdr *message)
{
	switch (message->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return kernel_mirror_take_link(mirror, message);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return kernel_mirror_take_address(mirror, message);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return kernel_mirror_take_neighbour(mirror, message);
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return kernel_mirror_take_route(mirror, message);
	default:
		return 0;
	}
}

static int take_dumped(void *context, const struct nlmsghdr *message)
{
	int status = take_message(context, message);

	return status < 0 ? status : 0;
}

// Links come first: they say which of the rest is kept.
static int dump_once(struct kernel_netlink *netlink, struct kernel_mirror *mirror)
{
	static const struct {
		uint16_t type;
		uint8_t family;
	} dumps[] = {{RTM_GETLINK, AF_UNSPEC}, {RTM_GETADDR, AF_UNSPEC}, {RTM_GETNEIGH, AF_UNSPEC},
		{RTM_GETROUTE, AF_INET}, {RTM_GETROUTE, AF_INET6}};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(dumps); i++) {
		int status = kernel_netlink_dump(
			netlink, dumps[i].type, dumps[i].family, take_dumped, mirror);

		if (status)
			return status;
	}
	return 0;
}

// Puts a mirror of now in the place of the one there is, which stays when that fails.
static int dump_all(struct kernel_tables *tables)
{
	struct kernel_mirror mirror;
	int status = -EAGAIN;

	for (int i = 0; i < DUMP_TRIES && status == -EAGAIN; i++) {
		kernel_mirror_init(&mirror, &tables->attachments);
		kernel_netlink_discard_events(tables->netlink);
		status = dump_once(tables->netlink, &mirror);
		if (status)
			kernel_mirror_fini(&mirror);
	}
	if (status) {
		tables->mirror.is_outdated = true;
		return status;
	}
	mirror.is_outdated = false;
	kernel_mirror_fini(&tables->mirror);
	tables->mirror = mirror;
	return 0;
}

struct kernel_tables *kernel_tables_create(void)
{
	struct kernel_tables *tables = calloc(1, sizeof(*tables));
	int status;

	if (!tables)
		return NULL;
	kernel_mirror_init(&tables->mirror, &tables->attachments);
	tables->netlink = kernel_netlink_create();
	status = tables->netlink ? dump_all(tables) : -errno;
	if (status) {
		kernel_tables_destroy(tables);
		errno = -status;
		return NULL;
	}
	return tables;
}

void kernel_tables_destroy(struct kernel_tables *tables)
{
	if (!tables)
		return;
	kernel_mirror_fini(&tables->mirror);
	kernel_netlink_destroy(tables->netlink);
	free(tables->attachments.items);
	free(tables);
}

int kernel_tables_fd(const struct kernel_tables *tables)
{
	return kernel_netlink_fd(tables->netlink);
}

struct event_context {
	struct kernel_mirror *mirror;
	int changed;
};

static int take_event(void *context, const struct nlmsghdr *message)
{
	struct event_context *events = context;
	int status = take_message(events->mirror, message);

	if (status > 0)
		events->changed = 1;
	return status;
}

int kernel_tables_update(struct kernel_tables *tables)
{
	struct event_context events = {.mirror = &tables->mirror};
	int status = 1;

	for (int i = 0; i < UPDATE_BATCHES && status > 0; i++)
		status = kernel_netlink_read_events(tables->netlink, take_event, &events);
	// Whatever was lost or not understood: all of it is asked for again.
	if (status < 0 || tables->mirror.is_outdated) {
		status = dump_all(tables);
		return status ? status : 1;
	}
	return events.changed;
}

static int remember_attachment(struct kernel_tables *tables, int ifindex, uint16_t nic_port)
{
	struct kernel_attachments *attachments = &tables->attachments;
	struct kernel_attachment *items;

	for (size_t i = 0; i < attachments->count; i++) {
		if (attachments->items[i].ifindex == ifindex ||
			attachments->items[i].nic_port == nic_port)
			return -EEXIST;
	}
	items = realloc(attachments->items, (attachments->count + 1) * sizeof(*items));
	if (!items)
		return -ENOMEM;
	items[attachments->count++] =
		(struct kernel_attachment){.ifindex = ifindex, .nic_port = nic_port};
	attachments->items = items;
	return 0;
}

int kernel_tables_attach(struct kernel_tables *tables, int ifindex, uint16_t nic_port)
{
	const struct kernel_link_record *link;
	int status = kernel_tables_update(tables);

	if (status < 0)
		return status;
	link = kernel_mirror_find_link(&tables->mirror, ifindex);
	if (!link)
		return -ENODEV;
	if (!link->is_ethernet)
		return -EINVAL;
	status = remember_attachment(tables, ifindex, nic_port);
	if (status)
		return status;
	status = dump_all(tables);
	if (status)
		tables->attachments.count--;
	return status;
}

int kernel_tables_detach(struct kernel_tables *tables, uint16_t nic_port)
{
	struct kernel_attachments *attachments = &tables->attachments;

	for (size_t i = 0; i < attachments->count; i++) {
		if (attachments->items[i].nic_port == nic_port)
			attachments->items[i--] = attachments->items[--attachments->count];
	}
	return dump_all(tables);
}

int kernel_tables_find_link(const struct kernel_tables *tables, const char *name)
{
	const struct kernel_records *links = &tables->mirror.links;

	for (uint32_t i = 0; i < links->touched; i++) {
		const struct kernel_link_record *link = kernel_records_at(links, i);

		if (link && strcmp(link->name, name) == 0)
			return link->link.ifindex;
	}
	return -ENODEV;
}

int kernel_tables_read_link(
	const struct kernel_tables *tables, int ifindex, struct kernel_link *link)
{
	const struct kernel_link_record *found = kernel_mirror_find_link(&tables->mirror, ifindex);

	if (!found)
		return -ENODEV;
	*link = found->link;
	return 0;
}

// Whether the port has the same address in an earlier record too.
static bool is_listed_before(const struct kernel_mirror *mirror,
	const struct kernel_address_record *address, uint16_t nic_port)
{
	const struct kernel_address_record *other =
		kernel_records_first(&mirror->addresses, address->record.hash);

	for (; other; other = kernel_records_next(&mirror->addresses, other)) {
		const struct kernel_link_record *link =
			kernel_mirror_find_link(mirror, other->ifindex);

		if (other < address && link && link->port == nic_port &&
			kernel_address_is_served(other) &&
			net_address_equal(&other->address, &address->address))
			return true;
	}
	return false;
}

size_t kernel_tables_list_addresses(const struct kernel_tables *tables, uint16_t nic_port,
	struct net_address *addresses, size_t most)
{
	const struct kernel_mirror *mirror = &tables->mirror;
	size_t count = 0;

	for (uint32_t i = 0; i < mirror->addresses.touched; i++) {
		const struct kernel_address_record *address =
			kernel_records_at(&mirror->addresses, i);
		const struct kernel_link_record *link =
			address ? kernel_mirror_find_link(mirror, address->ifindex) : NULL;

		if (!link || link->port != nic_port || !kernel_address_is_served(address) ||
			is_listed_before(mirror, address, nic_port))
			continue;
		if (count < most)
			addresses[count] = address->address;
		count++;
	}
	return count;
}

bool kernel_tables_has_address(
	const struct kernel_tables *tables, const struct net_address *address)
{
	return kernel_mirror_has_address(&tables->mirror, address);
}

static const struct net_address *next_hop_of(
	const struct kernel_route_record *route, const struct net_address *destination)
{
	return route->has_gateway ? &route->gateway : destination;
}

static bool find_source(const struct kernel_mirror *mirror, const struct kernel_route_record *route,
	const struct kernel_link_record *link, const struct net_address *destination,
	struct net_address *source)
{
	if (route->has_preferred_source &&
		kernel_mirror_has_address(mirror, &route->preferred_source)) {
		*source = route->preferred_source;
		return true;
	}
	return kernel_mirror_choose_source(
		mirror, link, next_hop_of(route, destination), destination, source);
}

void kernel_tables_find_path(const struct kernel_tables *tables,
	const struct net_address *destination, const struct net_address *source,
	struct net_path *path)
{
	const struct kernel_mirror *mirror = &tables->mirror;
	const struct kernel_route_record *route = kernel_mirror_find_route(mirror, destination);
	const struct kernel_neighbour_record *neighbour;
	const struct kernel_link_record *link;

	memset(path, 0, sizeof(*path));
	if (!route)
		return;
	link = kernel_mirror_find_link(mirror, route->ifindex);
	neighbour = kernel_mirror_find_neighbour(
		mirror, route->ifindex, next_hop_of(route, destination));
	if (!link || link->port == KERNEL_NO_PORT || !neighbour || !neighbour->is_usable)
		return;
	if (!source) {
		if (!find_source(mirror, route, link, destination, &path->source))
			return;
	} else {
		if (net_address_is_ipv4(source) != net_address_is_ipv4(destination) ||
			!kernel_mirror_has_address(mirror, source))
			return;
		path->source = *source;
	}
	path->port = (uint16_t)link->port;
	path->vlan = link->path_vlan;
	path->source_mac = link->link.mac;
	path->next_hop_mac = neighbour->mac;
	path->is_usable = true;
}

// The kernel would make a fixed entry an ordinary one if asked to use it, so it is not asked.
int kernel_tables_resolve(struct kernel_tables *tables, const struct net_address *destination)
{
	const struct kernel_route_record *route =
		kernel_mirror_find_route(&tables->mirror, destination);
	const struct kernel_neighbour_record *neighbour;
	const struct net_address *next_hop;

	if (!route)
		return -EHOSTUNREACH;
	next_hop = next_hop_of(route, destination);
	neighbour = kernel_mirror_find_neighbour(&tables->mirror, route->ifindex, next_hop);
	if (neighbour && neighbour->is_fixed)
		return 0;
	return kernel_netlink_use_neighbour(tables->netlink, route->ifindex, next_hop);
}
