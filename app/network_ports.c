// SPDX-License-Identifier: BSD-3-Clause
#include "network_ports.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/log.h"

#define TAP_MTU 1500

static int open_tap(struct app *app, uint16_t port)
{
	const struct nic_port_info *info = nic_port_info(app->nic, port);
	char name[NIC_NAME_TEXT];

	snprintf(name, sizeof(name), "millrace%u", port);
	app->taps[port] = kernel_tap_create(name, &info->mac, TAP_MTU);
	if (!app->taps[port]) {
		int error = errno;

		log_error("port %u (%s): no interface %s: %s", port, info->name, name,
			strerror(error));
		return -error;
	}
	log_info("port %u (%s): give its addresses to interface %s", port, info->name, name);
	return kernel_tap_ifindex(app->taps[port]);
}

static int attach_port(struct app *app, uint16_t port)
{
	const struct nic_port_info *info = nic_port_info(app->nic, port);
	int ifindex = (int)info->interface_index;
	int error;

	if (info->kernel_path == NIC_KERNEL_PATH_NONE)
		return 0;
	if (info->kernel_path == NIC_KERNEL_PATH_TAP)
		ifindex = open_tap(app, port);
	if (ifindex < 0)
		return ifindex;
	error = kernel_tables_attach(app->tables, ifindex, port);
	if (error)
		log_error("port %u (%s): its interface can not be followed: %s", port, info->name,
			strerror(-error));
	return error;
}

// Addresses come to a TAP interface after it was made, but a bifurcated port has its own.
static int check_port_has_address(const struct app *app, uint16_t port)
{
	const struct nic_port_info *info = nic_port_info(app->nic, port);
	struct net_address address;

	if (info->kernel_path != NIC_KERNEL_PATH_BIFURCATED ||
		kernel_tables_list_addresses(app->tables, port, &address, 1))
		return 0;
	log_error("port %u (%s): no address: ip address add ADDRESS/LENGTH dev %s", port,
		info->name, info->interface);
	return -EADDRNOTAVAIL;
}

static bool has_tap(const struct app *app)
{
	for (uint16_t port = 0; port < NIC_PORTS_MOST; port++) {
		if (app->taps[port])
			return true;
	}
	return false;
}

static int check_is_ours(const struct app *app, const struct net_address *address,
	unsigned int line, const char *directive, struct config_error *error)
{
	char text[NET_ADDRESS_TEXT];

	if (kernel_tables_has_address(app->tables, address))
		return 0;
	net_address_format(address, text);
	if (has_tap(app)) {
		log_warning("%s:%u: %s %s: no port has this address yet", app->options.config, line,
			directive, text);
		return 0;
	}
	(void)snprintf(error->text, sizeof(error->text), "%s:%u: %s %s: no port has this address",
		app->options.config, line, directive, text);
	return -EADDRNOTAVAIL;
}

int network_check_addresses(
	const struct app *app, const struct config *config, struct config_error *error)
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);
	const struct config_forward *const *forwards;
	int status = 0;

	for (size_t i = 0; i < count && !status; i++) {
		for (size_t j = 0; j < servers[i].bind_count && !status; j++)
			status = check_is_ours(
				app, &servers[i].bind[j], servers[i].line, "bind", error);
	}
	forwards = config_forwards(config, &count);
	for (size_t i = 0; i < count && !status; i++) {
		if (forwards[i]->has_source_address)
			status = check_is_ours(app, &forwards[i]->source_address, forwards[i]->line,
				"source_address", error);
	}
	return status;
}

int network_ports_open(struct app *app)
{
	int error = 0;

	for (uint16_t port = 0; port < nic_port_count(app->nic) && !error; port++)
		error = attach_port(app, port);
	for (uint16_t port = 0; port < nic_port_count(app->nic) && !error; port++)
		error = check_port_has_address(app, port);
	return error;
}

void network_ports_close(struct app *app)
{
	for (uint16_t port = 0; port < NIC_PORTS_MOST; port++)
		kernel_tap_destroy(app->taps[port]);
}
