// SPDX-License-Identifier: BSD-3-Clause
// Lookups: the index, the comparison of keys, views of answers, and what a reader notes of a use.
#include "cache/store_private.h"

#ifdef __SSE2__
#include <emmintrin.h>
#endif

#define LOOKUPS_AT_ONCE 32

struct cache_bytes cache_head_bytes(const struct cache_cell *head)
{
	return (struct cache_bytes){head->bytes, CACHE_HEAD_ROOM, head->next};
}

struct cache_bytes cache_next_bytes(const struct cache_partition *partition, uint32_t cell)
{
	const struct cache_cell *next = cache_partition_cell(partition, cell);

	return (struct cache_bytes){
		(const uint8_t *)next + CACHE_CELL_LINK_BYTES, CACHE_NEXT_ROOM, next->next};
}

// Keys are whole words, and most of them short: cheaper than a call.
static bool words_equal(const uint8_t *a, const uint8_t *b, uint32_t length)
{
	uint64_t difference = 0;

	for (uint32_t i = 0; i < length; i += 8) {
		uint64_t words[2];

		memcpy(&words[0], a + i, 8);
		memcpy(&words[1], b + i, 8);
		difference |= words[0] ^ words[1];
	}
	return !difference;
}

static bool has_key(const struct cache_partition *partition, const struct cache_cell *head,
	const uint8_t *key, uint32_t key_length)
{
	struct cache_bytes bytes = cache_head_bytes(head);

	if (head->key_words * 8u != key_length)
		return false;
	while (base_unlikely(key_length > bytes.here)) {
		if (!words_equal(bytes.at, key, bytes.here))
			return false;
		key += bytes.here;
		key_length -= bytes.here;
		bytes = cache_next_bytes(partition, bytes.next);
	}
	return words_equal(bytes.at, key, key_length);
}

// Whether it starts `skip` bytes behind where these are.
static bool value_starts_in(const struct cache_bytes *bytes, uint32_t skip, uint32_t value_length)
{
	if (skip > bytes->here)
		return false;
	return !value_length || cache_value_room(bytes->here - skip, value_length);
}

// Where the value starts: behind the key, or in the cell after it.
static void find_value(struct cache_view *view)
{
	uint32_t skip = view->cell->key_words * 8u;
	struct cache_bytes bytes = cache_head_bytes(view->cell);
	const struct cache_cell *cell = view->cell;

	while (base_unlikely(!value_starts_in(&bytes, skip, view->value_length))) {
		skip -= skip < bytes.here ? skip : bytes.here;
		cell = cache_partition_cell(view->partition, bytes.next);
		bytes = cache_next_bytes(view->partition, bytes.next);
	}
	view->value_cell = cell;
	view->value = bytes.at + skip;
	bytes.here -= skip;
	view->value_here =
		(uint16_t)(bytes.here < view->value_length ? bytes.here : view->value_length);
}

void cache_view_make(struct cache_view *view, const struct cache_partition *partition,
	const struct cache_cell *head, uint32_t second)
{
	uint32_t claimed_until = base_load(&head->claimed_until);

	view->partition = partition;
	view->cell = head;
	view->value_length = head->value_length;
	view->kind = head->kind;
	view->is_refresh_claimed = claimed_until && cache_seconds_until(claimed_until, second) > 0;
	view->stored_at = head->stored_at;
	view->expires_at = head->expires_at;
	view->stale_until = head->stale_until;
	view->opaque = head->opaque;
	find_value(view);
}

bool cache_view_copy(const struct cache_view *view, uint32_t offset, void *to, uint32_t length)
{
	struct cache_bytes bytes = {view->value, view->value_here, view->value_cell->next};
	uint8_t *at = to;

	if ((uint64_t)offset + length > view->value_length)
		return false;
	while (length) {
		if (offset < bytes.here) {
			uint32_t part = bytes.here - offset;

			part = part < length ? part : length;
			memcpy(at, bytes.at + offset, part);
			at += part;
			length -= part;
			offset += part;
			continue;
		}
		offset -= bytes.here;
		bytes = cache_next_bytes(view->partition, bytes.next);
	}
	return true;
}

void cache_view_key(const struct cache_view *view, struct cache_key *key)
{
	struct cache_bytes bytes = cache_head_bytes(view->cell);
	uint32_t left = view->cell->key_words * 8u;

	key->length = (uint16_t)left;
	for (uint8_t *to = key->bytes; left;) {
		uint32_t length = left < bytes.here ? left : bytes.here;

		memcpy(to, bytes.at, length);
		to += length;
		left -= length;
		if (left)
			bytes = cache_next_bytes(view->partition, bytes.next);
	}
}

uint64_t cache_cell_hash(const struct cache_partition *partition, const struct cache_cell *head)
{
	const struct cache_view view = {.partition = partition, .cell = head};
	struct cache_key key;

	cache_view_key(&view, &key);
	return cache_store_hash(partition->store, &key);
}

// The slots that have this tag, a bit each. All eight are looked at: where the tag stands is random,
// and a branch on it would be guessed wrong.
static inline uint32_t match_tags(const struct cache_bucket *bucket, uint32_t tag)
{
#ifdef __SSE2__
	// The upper halves of two pairs of slots at a time. Loads of 16 aligned bytes see each slot
	// whole.
	const __m128 *pairs = (const __m128 *)(const void *)bucket->slots;
	__m128i wanted = _mm_set1_epi32((int)tag);
	__m128i low = _mm_castps_si128(_mm_shuffle_ps(pairs[0], pairs[1], _MM_SHUFFLE(3, 1, 3, 1)));
	__m128i high =
		_mm_castps_si128(_mm_shuffle_ps(pairs[2], pairs[3], _MM_SHUFFLE(3, 1, 3, 1)));

	low = _mm_cmpeq_epi32(low, wanted);
	high = _mm_cmpeq_epi32(high, wanted);
	return (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(low)) |
	       (uint32_t)_mm_movemask_ps(_mm_castsi128_ps(high)) << 4;
#else
	uint32_t matches = 0;

	for (uint32_t slot = 0; slot < CACHE_BUCKET_SLOTS; slot++)
		matches |= (uint32_t)(base_load(&bucket->slots[slot]) >> 32 == tag) << slot;
	return matches;
#endif
}

// The slot among `matches` with this key, and its cell; CACHE_BUCKET_SLOTS when there is none.
static uint32_t find_slot(const struct cache_partition *partition, uint64_t hash,
	const uint8_t *key, uint32_t key_length, uint32_t matches, uint32_t *cell)
{
	const struct cache_bucket *bucket = cache_partition_bucket(partition, (uint32_t)hash);

	for (; matches; matches &= matches - 1) {
		uint32_t slot = (uint32_t)__builtin_ctz(matches);
		uint64_t value = base_load_acquire(&bucket->slots[slot]);
		const struct cache_cell *head = cache_partition_cell(partition, (uint32_t)value);

		// It may have become another one since the tags were looked at.
		*cell = (uint32_t)value;
		if (*cell && has_key(partition, head, key, key_length))
			return slot;
	}
	return CACHE_BUCKET_SLOTS;
}

uint64_t *cache_partition_find(const struct cache_partition *partition, uint64_t hash,
	const uint8_t *key, uint32_t key_length)
{
	struct cache_bucket *bucket = cache_partition_bucket(partition, (uint32_t)hash);
	uint32_t matches = match_tags(bucket, cache_hash_tag(hash));
	uint32_t cell;
	uint32_t slot = find_slot(partition, hash, key, key_length, matches, &cell);

	return slot == CACHE_BUCKET_SLOTS ? NULL : &bucket->slots[slot];
}

// Lives are odd while an answer can be found; the next bits tell them apart.
static uint32_t popularity_life(const struct cache_cell *head)
{
	return base_load(&head->life) >> 1 & CACHE_POPULARITY_LIFE_MASK;
}

static void note_popularity(
	struct cache_lcore *lcore, uint32_t *note, const struct cache_cell *head, uint32_t second)
{
	uint32_t now = second % CACHE_POPULARITY_SECONDS;
	uint32_t old = *note;
	uint32_t hits = old & CACHE_HITS_MOST;
	uint32_t life = popularity_life(head);
	uint32_t gap = (now - (old >> CACHE_POPULARITY_SECOND_SHIFT)) % CACHE_POPULARITY_SECONDS;

	if (old >> CACHE_POPULARITY_LIFE_SHIFT != life || gap >= lcore->store->popularity_gap)
		hits = 0;
	hits += hits < CACHE_HITS_MOST;
	base_store(note,
		life << CACHE_POPULARITY_LIFE_SHIFT | now << CACHE_POPULARITY_SECOND_SHIFT | hits);
}

static uint64_t note_of(const struct cache_partition *partition, const struct cache_cell *head)
{
	uint64_t offset = (uint64_t)((const uint8_t *)head - partition->cells);

	return partition->first_note + offset / CACHE_CELL_BYTES;
}

static void note_use(struct cache_lcore *lcore, const struct cache_view *view, uint32_t second)
{
	const struct cache_cell *head = view->cell;
	uint64_t note = note_of(view->partition, head);
	uint8_t stamp = base_load(&head->stamp);
	uint8_t seen = lcore->seen[note];

	// Four stores at most between two visits of the evictor, however hot the answer is.
	if (seen >> CACHE_SEEN_STAMP_SHIFT != stamp)
		base_store(&lcore->seen[note], (uint8_t)(stamp << CACHE_SEEN_STAMP_SHIFT | 1));
	else if ((seen & CACHE_SEEN_USES) < CACHE_SEEN_USES)
		base_store(&lcore->seen[note], (uint8_t)(seen + 1));
	if (lcore->popularity)
		note_popularity(lcore, &lcore->popularity[note], head, second);
}

uint32_t cache_hits(const struct cache_store *store, const struct cache_partition *partition,
	const struct cache_cell *head, uint32_t second)
{
	uint64_t note = note_of(partition, head);
	uint32_t hits = head->carried_hits;
	uint32_t life = popularity_life(head);

	for (uint16_t i = 0; i < store->lcore_count; i++) {
		uint32_t word = base_load(&store->lcores[i]->popularity[note]);
		uint32_t gap = (second - (word >> CACHE_POPULARITY_SECOND_SHIFT)) %
			       CACHE_POPULARITY_SECONDS;

		if (word >> CACHE_POPULARITY_LIFE_SHIFT == life && gap < store->popularity_gap)
			hits += word & CACHE_HITS_MOST;
	}
	return hits;
}

void cache_lookup_prefetch(const struct cache_lcore *lcore, uint64_t hash)
{
	const struct cache_store *store = lcore->store;
	const struct cache_partition *partition = store->partitions[cache_store_owner(store, hash)];

	base_prefetch(cache_partition_bucket(partition, (uint32_t)hash));
}

static void prefetch_cell(
	const struct cache_lcore *lcore, const struct cache_partition *partition, uint32_t cell)
{
	const uint8_t *bytes = (const uint8_t *)cache_partition_cell(partition, cell);

	for (uint32_t line = 0; line < CACHE_CELL_BYTES; line += BASE_CACHE_LINE)
		base_prefetch(bytes + line);
	base_prefetch(&lcore->seen[partition->first_note + cell]);
	if (lcore->popularity)
		base_prefetch(&lcore->popularity[partition->first_note + cell]);
}

// Reads the tags, and fetches the first cell that may be it. Returns the matches.
static uint32_t lookup_start(const struct cache_lcore *lcore, const struct cache_lookup *lookup)
{
	const struct cache_store *store = lcore->store;
	const struct cache_partition *partition =
		store->partitions[cache_store_owner(store, lookup->hash)];
	const struct cache_bucket *bucket =
		cache_partition_bucket(partition, (uint32_t)lookup->hash);
	uint32_t matches = match_tags(bucket, cache_hash_tag(lookup->hash));

	if (matches)
		prefetch_cell(lcore, partition,
			(uint32_t)base_load(&bucket->slots[__builtin_ctz(matches)]));
	return matches;
}

static enum cache_state state_of(const struct cache_cell *head, uint32_t second)
{
	if (cache_seconds_until(head->expires_at, second) > 0)
		return CACHE_FRESH;
	return cache_cell_is_over(head, second) ? CACHE_MISSED : CACHE_STALE;
}

static enum cache_state find_view(const struct cache_store *store, const struct cache_key *key,
	uint64_t hash, uint32_t matches, uint32_t second, struct cache_view *view)
{
	const struct cache_partition *partition = store->partitions[cache_store_owner(store, hash)];
	const struct cache_cell *head;
	enum cache_state state;
	uint32_t cell;

	if (find_slot(partition, hash, key->bytes, key->length, matches, &cell) ==
		CACHE_BUCKET_SLOTS)
		return CACHE_MISSED;
	head = cache_partition_cell(partition, cell);
	state = state_of(head, second);
	if (state == CACHE_MISSED || head->generation != base_load(&store->generation))
		return CACHE_MISSED;
	cache_view_make(view, partition, head, second);
	return state;
}

static void lookup_finish(
	struct cache_lcore *lcore, struct cache_lookup *lookup, uint32_t matches, uint32_t second)
{
	static const enum cache_counter hits[CACHE_KINDS] = {
		CACHE_COUNT_HITS_SUCCESS, CACHE_COUNT_HITS_DENIAL, CACHE_COUNT_HITS_SERVFAIL};

	lookup->state = CACHE_MISSED;
	if (matches)
		lookup->state = find_view(
			lcore->store, lookup->key, lookup->hash, matches, second, &lookup->view);
	if (lookup->state == CACHE_FRESH) {
		note_use(lcore, &lookup->view, second);
		cache_count(lcore, hits[lookup->view.kind]);
	} else {
		cache_count(lcore, lookup->state == CACHE_STALE ? CACHE_COUNT_FOUND_STALE
								: CACHE_COUNT_MISSES);
	}
}

void cache_lookup_burst(
	struct cache_lcore *lcore, struct cache_lookup lookups[], uint32_t count, uint64_t now)
{
	uint32_t second = cache_seconds(now);

	while (count) {
		uint32_t many = count < LOOKUPS_AT_ONCE ? count : LOOKUPS_AT_ONCE;
		uint32_t matches[LOOKUPS_AT_ONCE];

		for (uint32_t i = 0; i < many; i++)
			matches[i] = lookup_start(lcore, &lookups[i]);
		for (uint32_t i = 0; i < many; i++)
			lookup_finish(lcore, &lookups[i], matches[i], second);
		lookups += many;
		count -= many;
	}
}

void cache_view_use(struct cache_lcore *lcore, const struct cache_view *view, uint64_t now)
{
	note_use(lcore, view, cache_seconds(now));
}

bool cache_view_is_popular(
	const struct cache_lcore *lcore, const struct cache_view *view, uint32_t hits, uint64_t now)
{
	hits = hits < CACHE_HITS_MOST ? hits : CACHE_HITS_MOST;
	return lcore->popularity &&
	       cache_hits(lcore->store, view->partition, view->cell, cache_seconds(now)) >= hits;
}

enum cache_state cache_store_peek(const struct cache_store *store, const struct cache_key *key,
	uint64_t now, struct cache_view *view)
{
	uint64_t hash = cache_store_hash(store, key);
	const struct cache_partition *partition = store->partitions[cache_store_owner(store, hash)];
	const struct cache_bucket *bucket = cache_partition_bucket(partition, (uint32_t)hash);
	uint32_t matches = match_tags(bucket, cache_hash_tag(hash));

	return find_view(store, key, hash, matches, cache_seconds(now), view);
}
