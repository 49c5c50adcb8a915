// SPDX-License-Identifier: BSD-3-Clause
// The zones that one listener serves: the longest that a name is in answers, found by one look
// for each label count that any zone has. Immutable.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/config.h"
#include "forward/snapshot.h"

struct forward_zones;

// `servers` in order of precedence: of two with the same zone the first stands. `config` and `numbers`
// (NULL: by their places in it) say which group a forward is, and which cache a directive; `config`
// must live longer. NULL with errno.
struct forward_zones *forward_zones_create(const struct config *config,
	const struct forward_numbers *numbers, const struct config_server *const servers[],
	size_t count);
void forward_zones_destroy(struct forward_zones *zones);

struct forward_match forward_zones_match(
	const struct forward_zones *zones, const uint8_t *name, uint16_t length);

// The group of the next forward that takes the name, behind that of `group` in its block;
// FORWARD_NO_GROUP if there is none.
uint16_t forward_zones_next_group(const struct config *config,
	const struct forward_numbers *numbers, uint16_t group, const uint8_t *name,
	uint16_t length);
