// SPDX-License-Identifier: BSD-3-Clause
// The options in the block of a `forward` line. Management lcore only.
#pragma once

#include "config/reader.h"

struct config_forward_options {
	struct config_reader *reader;
	struct config_forward *forward;
	struct config_place max_age_place;
	struct config_place hedge_place;
	struct config_place min_idle_conns_place;
	struct config_place server_name_place;
	const char *server_name; // of tls_servername
	bool has_attempts; // max_connect_attempts was written
	const struct net_endpoint *resolvers;
	size_t resolver_count;
	struct config_token weight; // the first weight=N; its text is NULL: none
};

// One line of the block. 0; -EINVAL or -ENOMEM with the error filled in, as the next.
int config_read_forward_option(
	struct config_forward_options *options, const struct config_line *line);

// What only the whole block can tell.
int config_finish_forward_options(struct config_forward_options *options);
