// SPDX-License-Identifier: BSD-3-Clause
// Upstreams and the groups they form: one group for each `forward` of the configuration. A set
// is made on the management lcore and not changed afterwards, but for the paths, so that every
// lcore may read it within a burst.
//
// A changed configuration is a new set, published under RCU. Upstreams and groups are known by
// numbers, which tables of lcores are indexed by: what stays keeps its number, what is new takes a
// free one, and what leaves keeps its own, as PROXY_LEAVES, until no lcore has anything of it left.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/atomic.h"
#include "base/compiler.h"
#include "base/random.h"
#include "dns/name.h"
#include "net/address.h"
#include "net/path.h"

enum proxy_policy {
	PROXY_POLICY_RANDOM,
	PROXY_POLICY_ROUND_ROBIN,
	PROXY_POLICY_SEQUENTIAL,
	// Those below: proxy/policy.h.
	PROXY_POLICY_LEAST_OUTSTANDING,
	PROXY_POLICY_FASTEST,
	PROXY_POLICY_WEIGHTED,
	PROXY_POLICY_HASH,
	PROXY_POLICY_ORDERED,
};

// A query is answered, one way or the other, this long after it came.
#define PROXY_QUERY_DEADLINE (UINT64_C(5) * 1000000000)

#define PROXY_GROUP_UPSTREAMS_MOST 1024
#define PROXY_UPSTREAMS_MOST 16384
// Tables of lcores have room for twice the upstreams and groups of the first set, and for so many
// more of each at the least.
#define PROXY_SPARE_LEAST 256
#define PROXY_NO_NUMBER UINT16_MAX

// How upstreams of DNS over HTTPS are asked.
enum proxy_http_method {
	PROXY_HTTP_POST,
	PROXY_HTTP_GET,
};

// Times in nanoseconds. Limits are totals over all lcores, and are split among them.
struct proxy_settings {
	enum proxy_policy policy;
	uint64_t expire; // longest idle time of a connection; 0: no reuse
	uint64_t max_age; // longest life of a connection; 0: no limit
	uint64_t read_timeout; // for one attempt
	uint64_t hedge; // after which a second upstream is asked, too; 0: never
	uint32_t max_idle_conns; // an upstream; 0: no limit
	uint32_t max_concurrent; // queries of the group in flight; 0: no limit
	uint32_t max_connect_attempts; // failed attempts a query; 0: only the deadline counts
	// TCP whatever the client used; else, if that is set, UDP whatever the client used; else what
	// the client used. An upstream with is_tls is asked over TLS alone.
	bool force_tcp;
	bool prefer_udp;
	// After replies without data the caller asks another group.
	bool next_on_nodata;
	// Bit n: replies with rcode n, after which the next upstream is asked, or the caller asks
	// another group.
	uint32_t failover_rcodes;
	uint32_t next_rcodes;
	uint16_t max_inflight; // queries at once on one connection over TCP or TLS; above 0
	uint32_t min_idle_conns; // an upstream, over TCP or TLS: kept open though nobody uses them
	enum proxy_http_method http_method;
};

// When upstreams are checked, and what it means that they are down (proxy/health.h).
struct proxy_health_settings {
	uint64_t pause; // nanoseconds from a failed check to the next
	uint32_t max_fails; // down after more failed checks in a row; 0: never down nor checked
	bool is_failfast; // with all down, no query is sent
	bool asks_without_rd;
	struct dns_name name; // whose NS records checks ask for; of length 0: the root's
};

// Files in PEM; NULL where there is none.
struct proxy_tls_files {
	const char *certificate;
	const char *key;
	const char *ca;
};

// Of the queries whose turn it is at an upstream, it takes so many sixteenths.
#define PROXY_SHARE_DOWN 0
#define PROXY_SHARE_ALL 16
// It is drained: nothing goes there, whatever its health, until whoever runs this wants it again.
#define PROXY_SHARE_DRAIN UINT8_MAX

enum proxy_presence {
	PROXY_FREE, // nobody has this number
	PROXY_STAYS,
	// Not in the configuration any more. An upstream gets no new queries; a group has its
	// upstreams still, for the queries that it has.
	PROXY_LEAVES,
};

// 32 bytes: what every query reads. Names of TLS are in the set.
struct proxy_upstream {
	struct net_endpoint endpoint;
	// Neither changes: one byte, which nobody writes.
	bool is_tls : 1;
	bool is_https : 1; // DNS over HTTPS (RFC 8484), which is over TLS, too
	// Both written by the management lcore (proxy/health.h), read by all.
	uint8_t share; // PROXY_SHARE_DOWN to PROXY_SHARE_ALL, or PROXY_SHARE_DRAIN
	bool is_checked; // nobody has to tell of its failures
	uint8_t presence; // enum proxy_presence
	uint16_t group;
	// Written by the management lcore (proxy_upstream_set_path), read under RCU by workers;
	// NULL until the first path is known.
	struct net_path *path;
};

// A place of a table to draw weighted from: this upstream's for draws below the threshold, else
// another's.
struct proxy_alias {
	uint32_t threshold;
	uint16_t other;
};

// Where a question goes by its hash.
#define PROXY_BUCKETS_SHIFT 14
#define PROXY_BUCKETS (1u << PROXY_BUCKETS_SHIFT)

struct proxy_group {
	struct proxy_settings settings;
	struct proxy_tls_files tls; // for those of its upstreams with is_tls
	bool has_source_address;
	struct net_address source_address;
	uint16_t *upstreams; // their numbers, in the order of the configuration
	uint16_t upstream_count;
	uint8_t presence; // enum proxy_presence
	// Steps that visit every upstream once, whatever the first: numbers below upstream_count
	// without a common divisor with it.
	uint16_t *strides;
	uint16_t stride_count;
	struct proxy_alias *aliases; // one an upstream, with PROXY_POLICY_WEIGHTED alone
	uint16_t *buckets; // PROXY_BUCKETS positions, with PROXY_POLICY_HASH alone
	struct proxy_health_settings health;
	char *identity;
};

struct proxy_set {
	uint64_t generation; // 1 of the first set, one more of each that follows
	// Numbers are below the counts, and some may be PROXY_FREE. Capacities are those of the first
	// set, and of all tables that are made for it.
	struct proxy_group *groups;
	uint16_t group_count;
	uint16_t group_capacity;
	struct proxy_upstream *upstreams;
	uint16_t upstream_count;
	uint16_t upstream_capacity;
	uint16_t upstreams_used; // that are not free
	uint16_t leaving_count; // groups and upstreams that leave
	// By upstream: the name that its certificate has to be for, NULL: its address.
	char **server_names;
	// The generation in which a number was taken: what a table has of a number from before is
	// somebody else's.
	uint64_t *upstreams_since;
	uint64_t *groups_since;
	uint16_t *numbers; // of the groups, by template
};

// Which upstream comes first for a query, and which after it. Each is visited once before any is
// visited again.
struct proxy_order {
	uint16_t position; // within the group
	uint16_t stride;
};

struct proxy_upstream_template {
	struct net_endpoint endpoint;
	bool is_tls;
	bool is_https; // with is_tls
	uint16_t weight; // for PROXY_POLICY_WEIGHTED; 0 is 1
	const char *server_name;
};

// What one group is made of; copied.
struct proxy_group_template {
	// A group stays where the set before has one of the same identity, or as many of it. NULL is
	// one, too.
	const char *identity;
	struct proxy_settings settings;
	struct proxy_tls_files tls;
	bool has_source_address;
	struct net_address source_address;
	struct proxy_health_settings health;
	const struct proxy_upstream_template *upstreams;
	uint16_t upstream_count; // 1 to PROXY_GROUP_UPSTREAMS_MOST
};

// NULL with errno: ENOMEM, or EINVAL for a group without or with too many upstreams.
struct proxy_set *proxy_set_create(const struct proxy_group_template *templates, uint16_t count);

// Whether every lcore is done with a number that leaves: no attempt on its way, no connection.
struct proxy_drain {
	void *context;
	bool (*upstream_is_drained)(void *context, uint16_t upstream);
	bool (*group_is_drained)(void *context, uint16_t group);
};

// The set that comes after `old`, which stays as it is. An upstream stays where its group does, with
// the same endpoint, transport and server name. Paths are not copied. `drain` of NULL: nothing is. NULL with errno: as above,
// or ENOSPC: more upstreams or groups, with those that still leave, than there is capacity for.
struct proxy_set *proxy_set_follow(const struct proxy_set *old,
	const struct proxy_group_template *templates, uint16_t count,
	const struct proxy_drain *drain);

// No worker may still read the set.
void proxy_set_destroy(struct proxy_set *set);

// Management lcore only. Publishes a copy of `path` if it differs from what stands. 1 if it was
// changed: *old is then to be freed after a grace period (it may be NULL); 0, or -ENOMEM.
int proxy_upstream_set_path(
	struct proxy_upstream *upstream, const struct net_path *path, struct net_path **old);

// One lcore's part of a limit above 0 that is the total of all lcores. The parts add up to the
// limit, but for a limit below the number of lcores: each has 1 then, so that all can work.
static inline uint32_t proxy_limit_share(uint32_t limit, uint16_t lcore_count, uint16_t lcore_index)
{
	uint32_t share = limit / lcore_count + (lcore_index < limit % lcore_count);

	return share ? share : 1;
}

// Its number in the set.
static inline uint16_t proxy_group_upstream(const struct proxy_group *group, uint16_t position)
{
	return group->upstreams[position];
}

static inline bool proxy_upstream_is_down(const struct proxy_upstream *upstream)
{
	return base_load(&upstream->share) == PROXY_SHARE_DOWN;
}

static inline bool proxy_upstream_is_in_drain(const struct proxy_upstream *upstream)
{
	return base_load(&upstream->share) == PROXY_SHARE_DRAIN;
}

static inline bool proxy_share_is_some(uint8_t share)
{
	return (uint8_t)(share - 1u) < PROXY_SHARE_ALL;
}

// Down or in drain: no query goes there.
static inline bool proxy_upstream_takes_none(const struct proxy_upstream *upstream)
{
	return !proxy_share_is_some(base_load(&upstream->share));
}

// Whether a query whose turn it is goes there: not where it takes none, and only now and then where
// it has just come back.
static inline bool proxy_upstream_takes(
	const struct proxy_upstream *upstream, struct random_stream *random)
{
	uint8_t share = base_load(&upstream->share);

	return base_likely(share == PROXY_SHARE_ALL) ||
	       (proxy_share_is_some(share) && random_stream_below(random, PROXY_SHARE_ALL) < share);
}

// The order for a new query by one of the policies up to PROXY_POLICY_SEQUENTIAL. *turn is the lcore's own counter for round_robin.
static inline struct proxy_order proxy_order_start(
	const struct proxy_group *group, uint16_t *turn, struct random_stream *random)
{
	struct proxy_order order = {.position = 0, .stride = 1};

	if (group->upstream_count == 1)
		return order;
	if (group->settings.policy == PROXY_POLICY_RANDOM) {
		order.position = (uint16_t)random_stream_below(random, group->upstream_count);
		order.stride = group->strides[random_stream_below(random, group->stride_count)];
	} else if (group->settings.policy == PROXY_POLICY_ROUND_ROBIN) {
		order.position = *turn;
		*turn = (uint16_t)(*turn + 1 == group->upstream_count ? 0 : *turn + 1);
	}
	return order;
}

// The order of a query that began under another set, which may not be one of this group's.
static inline void proxy_order_fit(struct proxy_order *order, const struct proxy_group *group)
{
	if (base_likely(order->position < group->upstream_count &&
			order->stride <= group->upstream_count))
		return;
	order->position = 0;
	order->stride = 1;
}

static inline void proxy_order_next(struct proxy_order *order, const struct proxy_group *group)
{
	uint32_t position = (uint32_t)order->position + order->stride;

	if (position >= group->upstream_count)
		position -= group->upstream_count;
	order->position = (uint16_t)position;
}
