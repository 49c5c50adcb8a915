// SPDX-License-Identifier: BSD-3-Clause
// The ports as the kernel has them: their interfaces, which are followed, and the addresses that
// they must have. Management lcore.
#pragma once

#include "app.h"

// With the kernel's tables open: makes the TAP interfaces, and attaches every port. 0, or -errno
// with one line said. An error where a bifurcated port has no address.
base_must_check int network_ports_open(struct app *app);
void network_ports_close(struct app *app);

// An error where `bind` or `source_address` names an address that no port has, and none can come to
// have: -errno with `error` filled in. What can is warned of.
int network_check_addresses(
	const struct app *app, const struct config *config, struct config_error *error);
