// SPDX-License-Identifier: BSD-3-Clause
// What makes two questions the same, and the hash of it.
#include "unit.h"

#include "cache/store_key.h"

#include <errno.h>

static const uint8_t mixed[] = "\x03WwW\x07"
			       "eXample\x03@[z";
static const uint8_t lower[] = "\x03www\x07"
			       "example\x03@[z";

static struct cache_key make(const char *name, uint16_t type, uint8_t flags)
{
	struct cache_key key;

	cache_key_make(&key, (const uint8_t *)name, (uint8_t)(strlen(name) + 1), type, 1, flags);
	return key;
}

static bool equal(const struct cache_key *a, const struct cache_key *b)
{
	return a->length == b->length && memcmp(a->bytes, b->bytes, a->length) == 0;
}

static void names_are_equal_without_case(void)
{
	// At every length, since eight bytes go at a time.
	for (uint8_t length = 1; length <= sizeof(mixed); length++) {
		struct cache_key a;
		struct cache_key b;

		memset(&a, 0xa5, sizeof(a));
		memset(&b, 0x5a, sizeof(b));
		cache_key_make(&a, mixed, length, 1, 1, 0);
		cache_key_make(&b, lower, length, 1, 1, 0);
		CU_ASSERT_TRUE(equal(&a, &b));
		CU_ASSERT_EQUAL(a.length % 8, 0);
		CU_ASSERT_EQUAL(cache_key_name_length(a.bytes), length);
		CU_ASSERT_EQUAL(memcmp(cache_key_name(a.bytes), lower, length), 0);
	}
}

static void only_letters_are_folded(void)
{
	uint8_t name[256];
	struct cache_key key;

	for (int i = 0; i < 255; i++)
		name[i] = (uint8_t)(i + 1);
	cache_key_make(&key, name, 255, 1, 1, 0);
	for (int i = 0; i < 255; i++) {
		uint8_t wanted = name[i] >= 'A' && name[i] <= 'Z' ? name[i] | 0x20 : name[i];

		CU_ASSERT_EQUAL(cache_key_name(key.bytes)[i], wanted);
	}
}

static void every_part_of_a_question_tells(void)
{
	const uint8_t address[] = {192, 0, 2, 0xff};
	struct cache_key keys[10];

	keys[0] = make("\x03www", 1, 0);
	keys[1] = make("\x03wwx", 1, 0);
	keys[2] = make("\x03www", 28, 0);
	keys[3] = make("\x03www", 1, CACHE_KEY_DO);
	keys[4] = make("\x03www", 1, CACHE_KEY_CD);
	keys[5] = keys[0];
	keys[5].bytes[3] = 3;
	keys[6] = keys[7] = keys[8] = keys[9] = keys[0];
	CU_ASSERT_EQUAL(cache_key_set_subnet(&keys[6], CACHE_SUBNET_IPV4, 24, address), 0);
	CU_ASSERT_EQUAL(cache_key_set_subnet(&keys[7], CACHE_SUBNET_IPV4, 32, address), 0);
	CU_ASSERT_EQUAL(cache_key_set_subnet(&keys[8], CACHE_SUBNET_IPV6, 24, address), 0);
	CU_ASSERT_EQUAL(cache_key_set_subnet(&keys[9], CACHE_SUBNET_IPV4, 0, address), 0);
	for (int i = 0; i < 10; i++) {
		CU_ASSERT_TRUE(cache_key_is_whole(keys[i].bytes, keys[i].length));
		for (int j = 0; j < i; j++)
			CU_ASSERT_FALSE(equal(&keys[i], &keys[j]));
	}
	CU_ASSERT_EQUAL(cache_key_type(keys[2].bytes), 28);
	CU_ASSERT_EQUAL(cache_key_class(keys[5].bytes), 3);
	CU_ASSERT_EQUAL(cache_key_flags(keys[3].bytes), CACHE_KEY_DO);
	CU_ASSERT_EQUAL(cache_key_subnet_family(keys[8].bytes), CACHE_SUBNET_IPV6);
	CU_ASSERT_EQUAL(cache_key_subnet_prefix(keys[6].bytes), 24);
	CU_ASSERT_EQUAL(memcmp(cache_key_subnet_address(keys[6].bytes), address, 3), 0);
}

static void bits_past_a_prefix_do_not_tell(void)
{
	const uint8_t a[] = {0x20, 0x01, 0x0d, 0xbf};
	const uint8_t b[] = {0x20, 0x01, 0x0d, 0xb0};
	struct cache_key first = make("\x03www", 1, 0);
	struct cache_key second = first;

	CU_ASSERT_EQUAL(cache_key_set_subnet(&first, CACHE_SUBNET_IPV6, 28, a), 0);
	CU_ASSERT_EQUAL(cache_key_set_subnet(&second, CACHE_SUBNET_IPV6, 28, b), 0);
	CU_ASSERT_TRUE(equal(&first, &second));
	CU_ASSERT_EQUAL(cache_key_set_subnet(&first, CACHE_SUBNET_IPV4, 33, a), -EINVAL);
	CU_ASSERT_EQUAL(cache_key_set_subnet(&first, CACHE_SUBNET_IPV6, 129, a), -EINVAL);
	CU_ASSERT_EQUAL(cache_key_set_subnet(&first, CACHE_SUBNET_NONE, 0, a), -EINVAL);
}

static void longest_key_fits(void)
{
	const uint8_t address[16] = {0x20, 1};
	uint8_t name[DNS_NAME_BYTES] = {0};
	struct cache_key key;

	for (int label = 0; label < 4; label++) {
		name[label * 64] = label == 3 ? 61 : 63;
		memset(name + label * 64 + 1, 'a', name[label * 64]);
	}
	cache_key_make(&key, name, DNS_NAME_BYTES, 1, 1, 0);
	CU_ASSERT_EQUAL(cache_key_set_subnet(&key, CACHE_SUBNET_IPV6, 128, address), 0);
	CU_ASSERT_EQUAL(key.length, CACHE_KEY_BYTES);
	CU_ASSERT_TRUE(cache_key_is_whole(key.bytes, key.length));
}

static void foreign_bytes_are_refused(void)
{
	const uint8_t address[] = {192, 0, 2};
	struct cache_key good = make("\x03www", 1, 0);
	struct cache_key key;

	CU_ASSERT_FALSE(cache_key_is_whole(good.bytes, 0));
	CU_ASSERT_FALSE(cache_key_is_whole(good.bytes, 8));
	CU_ASSERT_FALSE(cache_key_is_whole(good.bytes, good.length + 8));
	CU_ASSERT_FALSE(cache_key_is_whole(good.bytes, CACHE_KEY_BYTES + 8));
	key = good;
	key.bytes[9] = 'W'; // not lower case
	CU_ASSERT_FALSE(cache_key_is_whole(key.bytes, key.length));
	key = good;
	key.bytes[8] = 4; // a label past the end
	CU_ASSERT_FALSE(cache_key_is_whole(key.bytes, key.length));
	key = good;
	key.bytes[8] = 0xc0; // compressed
	CU_ASSERT_FALSE(cache_key_is_whole(key.bytes, key.length));
	key = good;
	key.bytes[15] = 1; // padding
	CU_ASSERT_FALSE(cache_key_is_whole(key.bytes, key.length));
	key = good;
	key.bytes[4] = 0x80; // a flag that is none
	CU_ASSERT_FALSE(cache_key_is_whole(key.bytes, key.length));
	key = good;
	key.bytes[6] = 1; // a prefix of no family
	CU_ASSERT_FALSE(cache_key_is_whole(key.bytes, key.length));
	key = good;
	CU_ASSERT_EQUAL(cache_key_set_subnet(&key, CACHE_SUBNET_IPV4, 20, address), 0);
	CU_ASSERT_TRUE(cache_key_is_whole(key.bytes, key.length));
	key.bytes[15] |= 1; // past the prefix
	CU_ASSERT_FALSE(cache_key_is_whole(key.bytes, key.length));
}

// Names that differ in a digit, as those of one zone do: the bits that choose a bucket (low), a
// partition and a tag (high) spread them as if at random.
static void hash_spreads_names_evenly(void)
{
	static uint8_t loads[2][1 << 14];
	uint8_t secret[CACHE_SECRET_BYTES];
	uint32_t overfull = 0;

	memset(loads, 0, sizeof(loads));
	for (size_t i = 0; i < sizeof(secret); i++)
		secret[i] = (uint8_t)(i * 151 + 7);
	for (int i = 0; i < 3 << 14; i++) {
		char name[12];
		struct cache_key key;
		uint64_t hash;

		(void)snprintf(name, sizeof(name), "\x07n%06d", i);
		key = make(name, 1, 0);
		hash = cache_key_hash(&key, secret);
		loads[0][(uint32_t)hash >> 18]++;
		loads[1][hash >> 50]++;
	}
	// At three in each, four of a thousand have more than eight.
	for (int i = 0; i < 2 << 14; i++)
		overfull += loads[i >> 14][i & ((1 << 14) - 1)] > 8;
	CU_ASSERT(overfull > 60 && overfull < 200);
}

static void secret_and_key_tell_in_the_hash(void)
{
	uint8_t one[CACHE_SECRET_BYTES];
	uint8_t two[CACHE_SECRET_BYTES];
	struct cache_key a = make("\x03www", 1, 0);
	struct cache_key b = make("\x03www", 1, CACHE_KEY_DO);

	for (size_t i = 0; i < sizeof(one); i++) {
		one[i] = (uint8_t)(i * 151 + 7);
		two[i] = (uint8_t)(i * 93 + 11);
	}
	CU_ASSERT_EQUAL(cache_key_hash(&a, one), cache_key_hash(&a, one));
	CU_ASSERT_NOT_EQUAL(cache_key_hash(&a, one), cache_key_hash(&a, two));
	CU_ASSERT_NOT_EQUAL(cache_key_hash(&a, one), cache_key_hash(&b, one));
}

static const struct unit_case cases[] = {
	{"names are equal without case", names_are_equal_without_case},
	{"only letters are folded", only_letters_are_folded},
	{"every part of a question tells", every_part_of_a_question_tells},
	{"bits past a prefix do not tell", bits_past_a_prefix_do_not_tell},
	{"the longest key fits", longest_key_fits},
	{"foreign bytes are refused", foreign_bytes_are_refused},
	{"the hash spreads names evenly", hash_spreads_names_evenly},
	{"secret and key tell in the hash", secret_and_key_tell_in_the_hash},
};

UNIT_MAIN("cache key", cases)
