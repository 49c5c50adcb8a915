// SPDX-License-Identifier: BSD-3-Clause
// The store of a cache: answers by key, shared by all lcores, read under RCU. What an answer is,
// is not known here: a value is bytes, with times and a kind.
//
// The store has one partition for each owner lcore (a worker). An owner alone writes its
// partition; every lcore reads all of them and writes nothing shared on a hit. What an lcore
// stores goes straight into its own partition, or to the owner over a ring of their pair. A full
// store evicts, a full ring drops: nothing here waits, and nothing but create and load allocates.
//
// Who calls what:
//   - a worker or stream lcore, with its own struct cache_lcore, as a registered RCU reader:
//     lookup, insert, popularity, refresh; and owners cache_owner_poll() once a burst, before
//     they are quiescent;
//   - the management lcore: create, destroy, grace periods, flush, walk, and store_file.h.
//
// Time is `now` in nanoseconds; answers carry whole seconds, cache_seconds(now), which may wrap:
// they are compared by difference.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "cache/store_counters.h"
#include "cache/store_key.h"

#define CACHE_LCORES_MOST 128
#define CACHE_VALUE_BYTES_MOST 65535
#define CACHE_VALUE_HERE_LEAST 32 // bytes of a value in one piece, if it has so many
#define CACHE_HITS_MOST 4095 // that popularity counts of one lcore reach

struct cache_store;
struct cache_lcore; // what one lcore needs of a store
struct cache_cell; // private, as the next
struct cache_partition;

// Each kind has a share of its own, so that a flood of one pushes out nothing of another.
enum cache_kind {
	CACHE_KIND_SUCCESS,
	CACHE_KIND_DENIAL, // NXDOMAIN and NODATA (RFC 2308)
	CACHE_KIND_SERVFAIL, // RFC 9520
	CACHE_KINDS,
};

static inline uint32_t cache_seconds(uint64_t now)
{
	return (uint32_t)(now / CLOCK_SECOND);
}

// From `now` to `then`, in seconds; negative when it is past.
static inline int32_t cache_seconds_until(uint32_t then, uint32_t now)
{
	return (int32_t)(then - now);
}

struct cache_kind_options {
	uint32_t share; // of the cells: this part of the sum of all kinds' shares
	uint64_t capacity; // most answers; 0: as many as fit
};

struct cache_store_options {
	uint64_t bytes; // all told: cells, index, queues, what lcores note of hits, rings
	uint16_t owner_count; // 1 to lcore_count; lcores 0 to owner_count - 1 own a partition
	uint16_t lcore_count; // all that look up or insert, at most CACHE_LCORES_MOST
	const int *nodes; // NUMA node of each lcore, -1 for any; NULL: any for all
	// All shares zero: 80, 18 and 2 of 100.
	struct cache_kind_options kinds[CACHE_KINDS];
	// Hits are one run while less than this many seconds (1 to 8191) go by between two of them; 0:
	// popularity is not counted. It costs 4 bytes more an answer and lcore.
	uint32_t popularity_gap;
	uint8_t secret[CACHE_SECRET_BYTES]; // random, new at every start
};

// NULL with errno: EINVAL (counts, or too few bytes for them), ENOMEM.
struct cache_store *cache_store_create(const struct cache_store_options *options);

// When no lcore uses it any more.
void cache_store_destroy(struct cache_store *store);

// Of lcore `index`; used by that lcore alone.
struct cache_lcore *cache_store_lcore(struct cache_store *store, uint16_t index);

// cache_key_hash() with the store's secret.
uint64_t cache_store_hash(const struct cache_store *store, const struct cache_key *key);

// ---- Lookup ------------------------------------------------------------------------------------

enum cache_state {
	CACHE_MISSED,
	CACHE_FRESH, // expires_at is to come
	CACHE_STALE, // past expires_at, stale_until is to come (RFC 8767)
};

// An answer as it stands in the store. Nothing in it changes, and it is good until the lcore is
// quiescent: all of it has to be used within the burst.
struct cache_view {
	const struct cache_partition *partition; // private, as the two below
	const struct cache_cell *cell;
	const struct cache_cell *value_cell;
	const uint8_t *value; // its first bytes, 8-byte aligned
	// Bytes at `value`: all, or CACHE_VALUE_HERE_LEAST and more; the rest by cache_view_copy().
	uint16_t value_here;
	uint16_t value_length;
	uint8_t kind; // enum cache_kind
	// A refresh of it was begun a short while ago, and nobody else needs to: see
	// cache_refresh_ask().
	bool is_refresh_claimed;
	uint32_t stored_at; // seconds
	uint32_t expires_at;
	uint32_t stale_until; // not before expires_at
	uint32_t opaque;
};

struct cache_lookup {
	const struct cache_key *key; // the caller's
	uint64_t hash; // its cache_store_hash(): the caller's
	enum cache_state state;
	struct cache_view view; // unless CACHE_MISSED
};

// Fetches what cache_lookup_burst() will read first; to be called for each key of a burst as
// early as its hash is known.
void cache_lookup_prefetch(const struct cache_lcore *lcore, uint64_t hash);

// Looks up all keys of a burst; state and view are set. A server failure never hides an answer
// that is fresh. A fresh hit counts as a use of the answer (for eviction, and popularity).
void cache_lookup_burst(
	struct cache_lcore *lcore, struct cache_lookup lookups[], uint32_t count, uint64_t now);

// A stale answer is served: that is a use of it too.
void cache_view_use(struct cache_lcore *lcore, const struct cache_view *view, uint64_t now);

// Copies `length` bytes of the value from `offset` on; false, with nothing copied, if it has not
// that many. These two may be called wherever the view may be used.
bool cache_view_copy(const struct cache_view *view, uint32_t offset, void *to, uint32_t length);

// Copies the key.
void cache_view_key(const struct cache_view *view, struct cache_key *key);

// ---- Insert ------------------------------------------------------------------------------------

// Fetches what cache_store_insert() will touch first, to be called some time before.
void cache_insert_prefetch(const struct cache_lcore *lcore, uint64_t hash);

struct cache_record {
	const struct cache_key *key;
	uint64_t hash; // its cache_store_hash()
	enum cache_kind kind;
	uint32_t stored_at; // seconds
	uint32_t expires_at;
	uint32_t stale_until; // expires_at where stale answers are not served
	uint32_t opaque; // the caller's, not looked at
	const uint8_t *value;
	uint16_t value_length;
};

enum cache_insert_result {
	CACHE_INSERTED, // new, or in place of the answer that was there
	CACHE_PASSED, // to its owner
	CACHE_DROPPED, // a counter says why
};

// Stores a copy of the record. Readers see the answer that was there, or the new one whole. A
// server failure takes the place of no other answer that is fresh or may be served stale: that one
// stays, with its refresh claimed until the failure would have expired.
enum cache_insert_result cache_store_insert(
	struct cache_lcore *lcore, const struct cache_record *record, uint64_t now);

// ---- Refresh before the end (prefetch) and of what is stale --------------------------------------

// True if all lcores together saw a run of at least `hits` (1 to CACHE_HITS_MOST) uses. An lcore
// sees its part of the queries alone, so between two of its own there may be as many
// popularity_gaps as there are lcores. It reads what other lcores write on their hits: to be asked
// near the end of an answer's time only, and not when is_refresh_claimed. Half of the hits are
// carried on from an answer to the one that takes its place.
bool cache_view_is_popular(const struct cache_lcore *lcore, const struct cache_view *view,
	uint32_t hits, uint64_t now);

// Asks the owner of this answer to refresh it. Any lcore may, as often as it likes; the owner
// claims it once, gets one struct cache_view from cache_owner_poll(), and sends the query. From
// then on all see is_refresh_claimed, until the new answer is there or `seconds` (1 to 8191) have
// gone by without.
void cache_refresh_ask(
	struct cache_lcore *lcore, const struct cache_view *view, uint32_t seconds, uint64_t now);

// ---- Owner ---------------------------------------------------------------------------------------

// The owner's turn, once a burst: takes in what other lcores stored, at most `most` records, gives
// cells free again whose grace period is over, goes on with a flush. It costs a few nanoseconds when
// there is nothing to do. Answers to refresh are put into `refreshes`, at most `refreshes_most`;
// returns how many. What does not fit is there at the next poll.
uint32_t cache_owner_poll(struct cache_lcore *lcore, uint32_t most, struct cache_view refreshes[],
	uint32_t refreshes_most, uint64_t now);

// ---- Manager -------------------------------------------------------------------------------------

// Grace periods. Owners give cells free again only after one, so whenever
// cache_store_wants_grace_period() the manager, within about a millisecond, calls begin, waits for
// one grace period (rcu_wait_grace_period(), which may serve several stores and other uses), and
// calls end. cache_store_tick() does just that, and returns true if it waited.
bool cache_store_wants_grace_period(const struct cache_store *store);
void cache_store_begin_grace_period(struct cache_store *store);
void cache_store_end_grace_period(struct cache_store *store);
bool cache_store_tick(struct cache_store *store);

enum cache_flush_scope {
	CACHE_FLUSH_ALL, // at once for readers; the cells are given free after
	CACHE_FLUSH_NAME, // all answers to one name
	CACHE_FLUSH_ZONE, // a name and all below
	CACHE_FLUSH_EXPIRED, // what is past stale_until, to be called every now and then
};

// Starts a flush; each owner works on it a few buckets a poll. `name` (any case) for
// CACHE_FLUSH_NAME and _ZONE. 0, or -EBUSY while another one goes on. What is still on its way
// over a ring when a flush of a name or zone starts may be stored behind it.
base_must_check int cache_store_flush(struct cache_store *store, enum cache_flush_scope scope,
	const struct dns_name *name, uint64_t now);

// True when the last flush is done; *removed is the number of answers that it removed so far.
bool cache_store_flush_is_done(const struct cache_store *store, uint64_t *removed);

// Looks one key up without a trace of it; any lcore may. The view is good until the lcore is
// quiescent, the manager's until the next cache_store_end_grace_period().
enum cache_state cache_store_peek(const struct cache_store *store, const struct cache_key *key,
	uint64_t now, struct cache_view *view);

// Calls `visit` for the answers from *cursor (0 at the start) on, at most about `most`, and sets
// *cursor to go on from; false when it came to the end, or `visit` returned false. Views are good
// until the next cache_store_end_grace_period(). An answer that stays all the time is seen once;
// one that is stored or replaced meanwhile may be seen or not.
bool cache_store_walk(const struct cache_store *store, uint64_t *cursor, uint32_t most,
	bool (*visit)(const struct cache_view *view, void *context), void *context);

// What it holds, summed over owners.
struct cache_usage {
	uint64_t bytes; // allocated, all told
	uint64_t cell_bytes; // of one cell
	uint64_t cells; // that can be in use
	uint64_t cells_used[CACHE_KINDS];
	uint64_t cells_waiting; // for a grace period
	uint64_t answers[CACHE_KINDS];
};

void cache_store_usage(const struct cache_store *store, struct cache_usage *usage);

const struct cache_counters *cache_lcore_counters(const struct cache_lcore *lcore);

// The management lcore's own, for what it inserts when it loads; no owner.
struct cache_lcore *cache_store_manager(struct cache_store *store);
