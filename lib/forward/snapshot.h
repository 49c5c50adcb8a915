// SPDX-License-Identifier: BSD-3-Clause
// Which datagrams and connections are for us, and which forward takes a query: the configuration
// and the local addresses in the shape that workers look up. Made on the management lcore,
// published under RCU, never changed; made anew when either changes.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "config/config.h"
#include "forward/caches.h"
#include "net/address.h"
#include "proxy/upstream.h"

#define FORWARD_NO_GROUP UINT16_MAX
#define FORWARD_NO_LOG UINT16_MAX

struct forward_snapshot;

// The zones served at one address and port: over UDP and TCP, or over TLS alone.
struct forward_listener {
	struct net_endpoint endpoint;
	const struct config_tls_files *tls; // NULL: over UDP and TCP
	const struct forward_zones *zones;
};

// `local` are the addresses of the ports: what servers without `bind` serve, and where replies
// may arrive. Keeps pointers into `config`, which must live longer. NULL with errno.
struct forward_snapshot *forward_snapshot_create(
	const struct config *config, const struct net_address *local, size_t local_count);
void forward_snapshot_destroy(struct forward_snapshot *snapshot);

// What forwards and caches are known by.
struct forward_numbers {
	const uint16_t *groups; // by place in config_forwards(): proxy_set.numbers
	const uint16_t *caches; // by forward_cache_index(): forward_caches.numbers; NULL: itself
};

// The same for a configuration that is not the first.
struct forward_snapshot *forward_snapshot_follow(const struct config *config,
	const struct forward_numbers *numbers, const struct net_address *local, size_t local_count);

// The upstream groups of the configuration: group g is the g-th forward of config_forwards(). NULL
// with errno.
struct proxy_set *forward_proxy_set_create(const struct config *config);

// The set that comes after `old` (proxy_set_follow): a forward stays where it stands in a block of the
// same first zone, port and scheme, with the same FROM, the n-th of such. NULL with errno.
struct proxy_set *forward_proxy_set_follow(
	const struct config *config, const struct proxy_set *old, const struct proxy_drain *drain);

// NULL when this address and port is not served over UDP.
const struct forward_listener *forward_snapshot_find(
	const struct forward_snapshot *snapshot, const struct net_endpoint *destination);

// NULL when this address and port is not served over TLS, or without it over TCP.
const struct forward_listener *forward_snapshot_find_stream(const struct forward_snapshot *snapshot,
	const struct net_endpoint *destination, bool is_tls);

bool forward_snapshot_is_local(
	const struct forward_snapshot *snapshot, const struct net_address *address);

// Every address and port served over UDP, for the filter of bifurcated ports. Good as long as the
// snapshot.
const struct forward_listener *forward_snapshot_listeners(
	const struct forward_snapshot *snapshot, size_t *count);

// Every address and port served over TCP, and behind them every one served over TLS.
const struct forward_listener *forward_snapshot_stream_listeners(
	const struct forward_snapshot *snapshot, size_t *count);

// What a listener says to a query for this name (wire format, any case, good).
struct forward_match {
	uint16_t group; // of the proxy set; FORWARD_NO_GROUP: REFUSED
	uint16_t bufsize; // of the matching server, or of the listener's first
	uint16_t cache; // forward_cache_index(), FORWARD_NO_CACHE: none for this name
	uint16_t log; // config_log.number, FORWARD_NO_LOG: none for this name
	uint8_t log_classes; // of enum config_log_class
	bool logs_errors;
	bool rotates_records;
};

struct forward_match forward_listener_match(
	const struct forward_listener *listener, const uint8_t *name, uint16_t length);

// Where a query for this name goes on when the forward of `group` hands it over: the group of the
// next forward of its block that takes the name, FORWARD_NO_GROUP if there is none.
uint16_t forward_snapshot_next_group(const struct forward_snapshot *snapshot, uint16_t group,
	const uint8_t *name, uint16_t length);

// What any listener that uses this cache says to the name; false where none does.
bool forward_snapshot_match_cache(const struct forward_snapshot *snapshot, uint16_t cache,
	const uint8_t *name, uint16_t length, struct forward_match *match);
