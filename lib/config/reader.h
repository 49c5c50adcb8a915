// SPDX-License-Identifier: BSD-3-Clause
// What every part of one reading needs: where results go, where errors go, and how much of it
// all may be. Management lcore only.
#pragma once

#include "config/arena.h"
#include "config/config.h"
#include "config/lines.h"

#define CONFIG_NAME_COUNT 65536 // of zones, FROM and except in all
#define CONFIG_UPSTREAM_COUNT 16384 // upstreams in all
#define CONFIG_HOST_COUNT 1000 // host names in TO in all
#define CONFIG_UPSTREAM_FILES 1000 // files in TO in all
#define CONFIG_ANY_COUNT SIZE_MAX

// Each once.
struct config_hosts {
	const struct config_host **list;
	size_t count;
};

struct config_reader {
	struct config_arena *arena; // of the configuration
	struct config_error *error;
	struct config_files *files; // that were read
	struct config_hosts *hosts; // that were found
	const struct config_known_hosts *known; // NULL: nothing is
	size_t name_count;
	size_t upstream_count;
	size_t upstream_file_count;
};

// What a directive or an option takes.
struct config_arity {
	size_t least;
	size_t most;
	bool takes_block;
};

int config_check_arity(
	struct config_reader *reader, const struct config_line *line, struct config_arity arity);

// Appends the zones that the word stands for, all of a CIDR prefix. 0; -EINVAL or -ENOMEM with
// the error filled in, as all that follow.
int config_add_names(struct config_reader *reader, const struct config_token *word,
	struct dns_name **names, size_t *count);

// The same with a ":port" allowed.
int config_add_zones(struct config_reader *reader, struct config_place place, const char *text,
	struct dns_name **names, size_t *count, uint16_t *port);

// An address that is ours: not unspecified, multicast, broadcast or loopback. `line` is what it
// is an argument of.
int config_read_own_address(struct config_reader *reader, const struct config_line *line,
	const struct config_token *word, struct net_address *address);

// Says of one word of an option what is wrong: "expire '3' needs a unit". Always -EINVAL.
int config_fail_word(struct config_reader *reader, const struct config_line *line, size_t index,
	const char *reason);

// One word of an option as nanoseconds, 0 or more; `least` is 0, or 1 for more than 0.
int config_read_duration(struct config_reader *reader, const struct config_line *line, size_t index,
	uint64_t least, uint64_t *duration);

// One word of an option as a number.
int config_read_number(struct config_reader *reader, const struct config_line *line, size_t index,
	uint32_t *number);

// The arguments of `tls`: [CA], CERT KEY, or CERT KEY CA. Files that can not be read are refused.
int config_read_tls_files(struct config_reader *reader, const struct config_line *line,
	struct config_tls_files *files);

// One word as the name of a host, in the form of config_upstream.server_name; NULL with the error
// filled in.
const char *config_read_server_name(
	struct config_reader *reader, struct config_place place, const char *text);

// Adds what one TO stands for: an address, those of a file in the form of resolv.conf, or a host, whose
// place is taken by an upstream without an address until config_finish_hosts.
int config_add_upstreams(struct config_reader *reader, const struct config_token *to,
	struct config_forward *forward);

// Adds one upstream, unless it is there. `text` is what it stands as.
int config_add_upstream(struct config_reader *reader, struct config_place place, const char *text,
	const struct config_upstream *upstream, struct config_forward *forward);

// Adds `upstream` in the place of a host: HOST or HOST:port.
int config_add_host(struct config_reader *reader, const struct config_token *to, const char *text,
	struct config_upstream *upstream, struct config_forward *forward);

// Puts the known addresses of its hosts in their places. `resolvers` are those of the forward.
int config_finish_hosts(struct config_reader *reader, struct config_forward *forward,
	const struct net_endpoint *resolvers, size_t resolver_count);

// Fills in `forward` from a line and its block.
int config_read_forward(struct config_reader *reader, struct config_lines *lines,
	const struct config_line *line, struct config_forward *forward);

// Fills in `cache` from a line and its block.
int config_read_cache(struct config_reader *reader, struct config_lines *lines,
	const struct config_line *line, struct config_cache *cache);
