// SPDX-License-Identifier: BSD-3-Clause
// What the store of the cache costs: a lookup that hits, in bursts of 32, over few and many names; an
// insert into a full store; and hits while another thread inserts and evicts without a pause. A
// figure is the least of several rounds' medians over bursts: what else the machine does only adds.
//
// usage: cache_bench [--json] [NAMES_MOST]
#include "base/random.h"
#include "cache/store.h"
#include "rcu/rcu.h"

#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BURST 32
#define ROUNDS 9
#define BURSTS_A_ROUND 8192
#define PICKS (BURSTS_A_ROUND * BURST)
#define VALUE_BYTES 42 // one A record, as the cache keeps it
#define BYTES_A_NAME 300
#define BYTES_LEAST (4u << 20)
#define NAME_BYTES 24 // "n" and ten digits, "bench", "test", the root
#define NEW_NAMES 0x80000000u // and above: nobody looks them up
#define TICK_BURSTS 8
#define CONTENDED_NAMES 200000u

struct bench {
	struct cache_store *store;
	uint32_t *picks;
	uint32_t names;
	uint64_t now;
	// Written by the main thread, read by the other.
	bool is_finished base_aligned(BASE_CACHE_LINE);
	uint64_t inserted base_aligned(BASE_CACHE_LINE); // by the other
};

// Nanoseconds of each burst of a round.
struct times {
	uint32_t count;
	uint32_t bursts[BURSTS_A_ROUND];
};

struct figures {
	double hash;
	double lookup;
	double hit_ratio;
};

static void die(const char *what)
{
	(void)fprintf(stderr, "cache_bench: %s\n", what);
	exit(1);
}

static int compare(const void *a, const void *b)
{
	uint32_t first = *(const uint32_t *)a;
	uint32_t second = *(const uint32_t *)b;

	return (first > second) - (first < second);
}

// Of one of a burst.
static double median(struct times *times)
{
	qsort(times->bursts, times->count, sizeof(times->bursts[0]), compare);
	return (double)times->bursts[times->count / 2] / BURST;
}

static void make_key(struct cache_key *key, uint32_t number)
{
	uint8_t name[NAME_BYTES + 1] = "\x0bn----------\x05"
				       "bench\x04test";

	for (int i = 11; i > 1; i--) {
		name[i] = (uint8_t)('0' + number % 10);
		number /= 10;
	}
	cache_key_make(key, name, NAME_BYTES, 1, 1, 0);
}

static void insert(struct bench *bench, struct cache_lcore *lcore, const struct cache_key *key)
{
	static const uint8_t value[VALUE_BYTES] = {1, 2, 3};
	const struct cache_record record = {
		.key = key,
		.hash = cache_store_hash(bench->store, key),
		.expires_at = cache_seconds(bench->now) + 3600,
		.stale_until = cache_seconds(bench->now) + 3600,
		.value = value,
		.value_length = sizeof(value),
	};

	(void)cache_store_insert(lcore, &record, bench->now);
}

// The owner and the manager in one thread: a grace period with this reader out of the way.
static void turn(struct bench *bench)
{
	(void)cache_owner_poll(cache_store_lcore(bench->store, 0), BURST, NULL, 0, bench->now);
	rcu_reader_offline();
	(void)cache_store_tick(bench->store);
	rcu_reader_online();
	(void)cache_owner_poll(cache_store_lcore(bench->store, 0), BURST, NULL, 0, bench->now);
}

static void bench_open(struct bench *bench, uint32_t names)
{
	struct cache_store_options options = {
		.bytes = (uint64_t)names * BYTES_A_NAME,
		.owner_count = 1,
		.lcore_count = 2,
		.kinds = {{.share = 1}},
	};

	for (size_t i = 0; i < sizeof(options.secret); i++)
		options.secret[i] = (uint8_t)(i * 151 + i / 7 * 29 + 7);
	if (options.bytes < BYTES_LEAST)
		options.bytes = BYTES_LEAST;
	*bench = (struct bench){.names = names, .now = clock_now()};
	bench->store = cache_store_create(&options);
	bench->picks = malloc(PICKS * sizeof(*bench->picks));
	if (!bench->store || !bench->picks)
		die("no memory");
	for (uint32_t i = 0; i < names; i++) {
		struct cache_key key;

		make_key(&key, i);
		insert(bench, cache_store_lcore(bench->store, 0), &key);
		if (i % 256 == 0)
			turn(bench);
	}
	turn(bench);
}

static void bench_close(struct bench *bench)
{
	cache_store_destroy(bench->store);
	free(bench->picks);
}

static void pick_uniform(struct bench *bench, struct random_stream *random)
{
	for (uint32_t i = 0; i < PICKS; i++)
		bench->picks[i] = random_stream_below(random, bench->names);
}

// Zipf with exponent 1: the inverse of the sum of 1/k, which is near to a logarithm.
static void pick_zipf(struct bench *bench, struct random_stream *random)
{
	double whole = log(bench->names + 1.0);

	for (uint32_t i = 0; i < PICKS; i++) {
		double point = (double)random_stream_u32(random) / 4294967296.0;
		uint32_t rank = (uint32_t)(exp(point * whole) - 1);

		// Popular names do not stand next to each other in the store.
		bench->picks[i] = (uint32_t)((uint64_t)rank * 2654435761u % bench->names);
	}
}

static uint64_t look_up(
	struct bench *bench, struct cache_lcore *lcore, struct cache_lookup lookups[BURST])
{
	uint8_t frame[BURST][64];
	uint64_t hits = 0;

	for (uint32_t i = 0; i < BURST; i++)
		cache_lookup_prefetch(lcore, lookups[i].hash);
	cache_lookup_burst(lcore, lookups, BURST, bench->now);
	for (uint32_t i = 0; i < BURST; i++) {
		if (lookups[i].state != CACHE_FRESH)
			continue;
		hits++;
		memcpy(frame[i], lookups[i].view.value, VALUE_BYTES);
		__asm__ volatile("" : : "r"(frame[i]) : "memory");
	}
	return hits;
}

static void look_up_round(struct bench *bench, struct cache_lcore *lcore, struct figures *figures)
{
	static struct times hash_times;
	static struct times times;
	uint64_t hits = 0;

	hash_times.count = times.count = 0;

	for (uint32_t burst = 0; burst < BURSTS_A_ROUND; burst++) {
		struct cache_lookup lookups[BURST];
		struct cache_key keys[BURST];
		uint64_t began;
		uint64_t hashed;

		for (uint32_t i = 0; i < BURST; i++)
			make_key(&keys[i], bench->picks[burst * BURST + i]);
		began = clock_now();
		for (uint32_t i = 0; i < BURST; i++) {
			lookups[i].key = &keys[i];
			lookups[i].hash = cache_store_hash(bench->store, &keys[i]);
		}
		hashed = clock_now();
		hits += look_up(bench, lcore, lookups);
		times.bursts[times.count++] = (uint32_t)(clock_now() - hashed);
		hash_times.bursts[hash_times.count++] = (uint32_t)(hashed - began);
		rcu_reader_quiescent();
	}
	figures->lookup = fmin(figures->lookup, median(&times));
	figures->hash = fmin(figures->hash, median(&hash_times));
	figures->hit_ratio = (double)hits / PICKS;
}

static struct figures bench_lookups(
	struct bench *bench, void (*pick)(struct bench *bench, struct random_stream *random))
{
	const uint8_t seed[RANDOM_SEED_BYTES] = {1};
	struct random_stream *random = random_stream_create(seed);
	struct figures figures = {1e9, 1e9, 0};

	if (!random)
		die("no memory");
	// New names in every round, or the last round's would be in the CPU's cache.
	for (int round = 0; round < ROUNDS; round++) {
		pick(bench, random);
		look_up_round(bench, cache_store_lcore(bench->store, 0), &figures);
	}
	random_stream_destroy(random);
	return figures;
}

// New names into a full store: each evicts another.
static double bench_inserts(struct bench *bench)
{
	struct cache_lcore *lcore = cache_store_lcore(bench->store, 0);
	uint32_t next = NEW_NAMES;
	double best = 1e9;

	for (uint32_t i = 0; i < bench->names; i++) {
		struct cache_key key;

		make_key(&key, next++);
		insert(bench, lcore, &key);
		if (i % 256 == 0)
			turn(bench);
	}
	for (int round = 0; round < ROUNDS; round++) {
		static struct times times;

		times.count = 0;
		for (int burst = 0; burst < BURSTS_A_ROUND / 8; burst++) {
			struct cache_key keys[BURST];
			uint64_t began;

			for (uint32_t i = 0; i < BURST; i++)
				make_key(&keys[i], next++);
			began = clock_now();
			for (uint32_t i = 0; i < BURST; i++)
				insert(bench, lcore, &keys[i]);
			times.bursts[times.count++] = (uint32_t)(clock_now() - began);
			turn(bench);
		}
		best = fmin(best, median(&times));
	}
	return best;
}

static double bench_idle_poll(struct bench *bench)
{
	struct cache_lcore *lcore = cache_store_lcore(bench->store, 0);
	uint64_t began = clock_now();

	for (int i = 0; i < 1000000; i++)
		(void)cache_owner_poll(lcore, BURST, NULL, 0, bench->now);
	return (double)(clock_now() - began) / 1000000;
}

static void *insert_main(void *argument)
{
	struct bench *bench = argument;
	struct cache_lcore *lcore = cache_store_lcore(bench->store, 0);
	uint32_t next = NEW_NAMES;

	rcu_reader_register();
	while (!base_load(&bench->is_finished)) {
		for (int i = 0; i < BURST * TICK_BURSTS; i++) {
			struct cache_key key;

			make_key(&key, next++);
			insert(bench, lcore, &key);
		}
		turn(bench);
		base_store(&bench->inserted, next - NEW_NAMES);
	}
	rcu_reader_unregister();
	return NULL;
}

// Lookups of one thread, while the other does nothing, inserts into the same store, or into one of
// its own: what the last costs is the machine's, whose CPUs share more than memory.
enum other {
	OTHER_RESTS,
	OTHER_INSERTS,
	OTHER_INSERTS_APART,
	OTHERS,
};

struct contention {
	struct figures figures[OTHERS];
	double inserts_a_second; // into the same
};

// Returns how many were inserted a second.
static double look_up_beside(
	struct bench *bench, struct bench *inserted_into, struct figures *figures)
{
	uint64_t began = clock_now();
	pthread_t thread;
	double rate;

	base_store(&inserted_into->is_finished, false);
	if (pthread_create(&thread, NULL, insert_main, inserted_into) != 0)
		die("no thread");
	while (!base_load(&inserted_into->inserted))
		rcu_reader_quiescent();
	look_up_round(bench, cache_store_lcore(bench->store, 1), figures);
	base_store(&inserted_into->is_finished, true);
	rcu_reader_offline();
	(void)pthread_join(thread, NULL);
	rcu_reader_online();
	rate = (double)inserted_into->inserted * 1e9 / (double)(clock_now() - began);
	inserted_into->inserted = 0;
	return rate;
}

// The names looked up are those that stay: what is new goes by in the small queue.
static struct contention bench_contention(void)
{
	const uint8_t seed[RANDOM_SEED_BYTES] = {2};
	struct random_stream *random = random_stream_create(seed);
	struct contention contention = {{{1e9, 1e9, 0}, {1e9, 1e9, 0}, {1e9, 1e9, 0}}, 0};
	struct bench bench, apart;

	bench_open(&bench, CONTENDED_NAMES);
	bench_open(&apart, CONTENDED_NAMES);
	for (int round = 0; random && round < OTHERS * ROUNDS; round++) {
		struct figures *figures = &contention.figures[round % OTHERS];

		pick_uniform(&bench, random);
		if (round % OTHERS == OTHER_RESTS)
			look_up_round(&bench, cache_store_lcore(bench.store, 1), figures);
		else if (round % OTHERS == OTHER_INSERTS)
			contention.inserts_a_second = fmax(contention.inserts_a_second,
				look_up_beside(&bench, &bench, figures));
		else
			(void)look_up_beside(&bench, &apart, figures);
	}
	random_stream_destroy(random);
	bench_close(&bench);
	bench_close(&apart);
	return contention;
}

static void print_names(bool is_json, uint32_t names)
{
	struct bench bench;
	struct cache_usage usage;
	struct figures uniform;
	struct figures zipf;
	double inserts;
	double poll;

	bench_open(&bench, names);
	cache_store_usage(bench.store, &usage);
	uniform = bench_lookups(&bench, pick_uniform);
	zipf = bench_lookups(&bench, pick_zipf);
	poll = bench_idle_poll(&bench);
	inserts = bench_inserts(&bench);
	printf(is_json ? "{\"names\": %u, \"hash_ns\": %.1f, \"uniform_ns\": %.1f, "
			 "\"uniform_hits\": %.3f, \"zipf_ns\": %.1f, \"zipf_hits\": %.3f, "
			 "\"insert_ns\": %.1f, \"poll_ns\": %.1f, \"bytes_a_cell\": %.1f}\n"
		       : "%u names: hash %.1f ns; lookup uniform %.1f ns (%.3f hits), Zipf %.1f ns "
			 "(%.3f); insert %.1f ns; idle poll %.1f ns; %.1f bytes a cell\n",
		names, uniform.hash, uniform.lookup, uniform.hit_ratio, zipf.lookup, zipf.hit_ratio,
		inserts, poll, (double)usage.bytes / (double)usage.cells);
	bench_close(&bench);
}

int main(int argc, char *argv[])
{
	static const uint32_t names[] = {1000, 1000000, 10000000};
	bool is_json = argc > 1 && strcmp(argv[1], "--json") == 0;
	uint32_t most =
		argc > 1 + is_json ? (uint32_t)strtoul(argv[1 + is_json], NULL, 10) : UINT32_MAX;
	struct contention contention;

	rcu_reader_register();
	for (size_t i = 0; i < BASE_ARRAY_SIZE(names) && names[i] <= most; i++)
		print_names(is_json, names[i]);
	contention = bench_contention();
	printf(is_json ? "{\"alone_ns\": %.1f, \"contended_ns\": %.1f, \"apart_ns\": %.1f, "
			 "\"hits\": %.3f, \"inserts_a_second\": %.0f}\n"
		       : "lookups alone %.1f ns, while another inserts and evicts %.1f ns, the "
			 "same in a "
			 "store of its own %.1f ns (%.3f hits, %.0f inserts a second)\n",
		contention.figures[OTHER_RESTS].lookup, contention.figures[OTHER_INSERTS].lookup,
		contention.figures[OTHER_INSERTS_APART].lookup,
		contention.figures[OTHER_INSERTS].hit_ratio, contention.inserts_a_second);
	rcu_reader_unregister();
	return 0;
}
