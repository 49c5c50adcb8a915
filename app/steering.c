// SPDX-License-Identifier: BSD-3-Clause
#include "steering.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "nic/steering.h"

static const char *const names[] = {
	[NIC_STEERING_RTE_FLOW] = "rte_flow",
	[NIC_STEERING_THASH] = "thash",
	[NIC_STEERING_HOP] = "hop",
};

const char *steering_name(enum nic_steering steering)
{
	return names[steering];
}

static int install_rules(struct app *app, uint16_t port)
{
	struct nic_port_range *ranges = calloc(app->worker_count, sizeof(*ranges));
	int error;

	if (!ranges)
		return -ENOMEM;
	for (uint16_t i = 0; i < app->worker_count; i++) {
		uint16_t count;

		forward_local_ports(&app->shared, i, &ranges[i].first, &count);
		ranges[i].last = (uint16_t)(ranges[i].first + count - 1);
		ranges[i].queue = i;
	}
	error = nic_steering_install_rules(app->nic, port, ranges, app->worker_count);
	free(ranges);
	return error;
}

static int read_hash(struct app *app, uint16_t port)
{
	struct net_steering *steering = malloc(sizeof(*steering));
	int error;

	if (!steering)
		return -ENOMEM;
	error = nic_steering_read_hash(app->nic, port, steering);
	if (error) {
		free(steering);
		return error;
	}
	app->shared.steering[port] = steering;
	return 0;
}

static int steer_port(struct app *app, uint16_t port, enum nic_steering steering)
{
	int error = 0;

	if (steering == NIC_STEERING_RTE_FLOW)
		error = install_rules(app, port);
	else if (steering == NIC_STEERING_THASH)
		error = read_hash(app, port);
	if (!error)
		app->steering[port] = steering;
	return error;
}

static int steer_port_as_told(struct app *app, uint16_t port)
{
	enum nic_steering told = app->options.steering;
	int error = steer_port(app, port, told);

	if (error)
		log_error("port %u (%s): --steering %s: %s", port,
			nic_port_info(app->nic, port)->name, names[told], strerror(-error));
	return error;
}

// The hop, which needs nothing, stands behind whatever the file lists.
static void steer_port_by_file(struct app *app, uint16_t port)
{
	const struct nic_port_info *info = nic_port_info(app->nic, port);

	app->steering[port] = NIC_STEERING_HOP;
	for (uint16_t i = 0; i < info->steering_count; i++) {
		if (steer_port(app, port, info->steering[i]) == 0)
			return;
	}
}

int steering_open(struct app *app)
{
	for (uint16_t port = 0; port < nic_port_count(app->nic); port++) {
		int error = 0;

		app->steering[port] = NIC_STEERING_HOP;
		if (app->worker_count == 1)
			continue;
		if (app->options.has_steering)
			error = steer_port_as_told(app, port);
		else
			steer_port_by_file(app, port);
		if (error)
			return error;
		log_info("port %u (%s): replies come to their worker by %s", port,
			nic_port_info(app->nic, port)->name, names[app->steering[port]]);
	}
	return 0;
}

void steering_close(struct app *app)
{
	for (uint16_t port = 0; port < NIC_PORTS_MOST; port++) {
		free((struct net_steering *)app->shared.steering[port]);
		app->shared.steering[port] = NULL;
	}
}
