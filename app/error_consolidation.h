// SPDX-License-Identifier: BSD-3-Clause
// Failures of one kind, told of once a time (`consolidate` of `errors`). Of one configuration; the
// management lcore's.
#pragma once

#include "config/config.h"
#include "proxy/upstream.h"
#include "stats/text.h"

struct error_consolidations;

// The forwards of `config` are the groups of `set`. Keeps pointers into `config`, which must live
// longer. NULL with errno: ENOMEM.
struct error_consolidations *error_consolidations_create(
	const struct config *config, const struct proxy_set *set);
void error_consolidations_destroy(struct error_consolidations *all);

// A failure of a query of this group, and what was said of it (`text`, ended by a zero). True: it is
// counted, and nothing to be said now. Else it is to be said, at *level.
bool error_consolidations_take(struct error_consolidations *all, uint16_t group, const char *text,
	uint64_t now, enum config_error_level *level);

// Adds a line for each kind whose time is over.
void error_consolidations_tell(
	struct error_consolidations *all, uint64_t now, struct stats_text *text);

// Adds a line for each kind of which there is something to tell, as none comes any more.
void error_consolidations_tell_rest(struct error_consolidations *all, struct stats_text *text);

// "[ERROR] plugin/errors: "
void error_level_write(struct stats_text *text, enum config_error_level level);
