// SPDX-License-Identifier: BSD-3-Clause
#include "cache/store_key.h"

#include <endian.h>
#include <errno.h>

// All of it inline: for keys this short a call costs as much as the hash.
#define XXH_INLINE_ALL
#include <xxhash.h>

#define KEY_FLAGS_ALL (CACHE_KEY_DO | CACHE_KEY_CD)

_Static_assert(CACHE_SECRET_BYTES >= XXH3_SECRET_SIZE_MIN, "the hash's secret");
_Static_assert(CACHE_KEY_HEADER_BYTES + DNS_NAME_BYTES + CACHE_KEY_ADDRESS_BYTES <= CACHE_KEY_BYTES,
	"room for the longest key");

static size_t padded(size_t length)
{
	return (length + 7) & ~(size_t)7;
}

// Eight bytes at a time: sets bit 5 of those from 'A' to 'Z'. Label lengths are below 'A'.
static uint64_t lower_case(uint64_t word)
{
	const uint64_t ones = 0x0101010101010101;
	uint64_t low = word & 0x7f * ones;
	uint64_t from_a = low + (0x80 - 'A') * ones;
	uint64_t past_z = low + (0x80 - 'Z' - 1) * ones;

	return word | ((from_a & ~past_z & ~word & 0x80 * ones) >> 2);
}

// The last `length` bytes, 1 to 7, of `whole` and as many, as the first of a word: from the eight
// bytes that end there, if there are so many.
static uint64_t load_tail(const uint8_t *from, size_t whole, size_t length)
{
	uint64_t word = 0;

	if (base_likely(whole)) {
		memcpy(&word, from + whole + length - 8, 8);
		return htole64(le64toh(word) >> (64 - 8 * length));
	}
	for (size_t i = 0; i < length; i++)
		word |= (uint64_t)from[i] << 8 * i;
	return htole64(word);
}

static void copy_lower_case(uint8_t *to, const uint8_t *from, size_t length)
{
	size_t whole = length & ~(size_t)7;
	uint64_t word;

	for (size_t i = 0; i < whole; i += 8) {
		memcpy(&word, from + i, 8);
		word = lower_case(word);
		memcpy(to + i, &word, 8);
	}
	if (whole == length)
		return;
	word = lower_case(load_tail(from, whole, length - whole));
	memcpy(to + whole, &word, 8);
}

void cache_key_make(struct cache_key *key, const uint8_t *name, uint8_t name_length, uint16_t type,
	uint16_t class_, uint8_t flags)
{
	// In one store: the hash loads all of it at once, and would wait for smaller ones.
	uint64_t header =
		htobe64((uint64_t)type << 48 | (uint64_t)class_ << 32 | (uint32_t)flags << 24 |
			(uint32_t)CACHE_SUBNET_NONE << 16 | name_length);

	memcpy(key->bytes, &header, sizeof(header));
	copy_lower_case(key->bytes + CACHE_KEY_HEADER_BYTES, name, name_length);
	key->length = (uint16_t)padded(CACHE_KEY_HEADER_BYTES + name_length);
}

static int subnet_is_known(uint8_t family, uint8_t prefix)
{
	return (family == CACHE_SUBNET_IPV4 && prefix <= 32) ||
	       (family == CACHE_SUBNET_IPV6 && prefix <= 128);
}

int cache_key_set_subnet(struct cache_key *key, enum cache_subnet_family family, uint8_t prefix,
	const uint8_t *address)
{
	size_t start = CACHE_KEY_HEADER_BYTES + cache_key_name_length(key->bytes);
	size_t length = ((size_t)prefix + 7) / 8;
	size_t end = padded(start + length);

	if (!subnet_is_known((uint8_t)family, prefix))
		return -EINVAL;
	key->bytes[5] = (uint8_t)family;
	key->bytes[6] = prefix;
	memset(key->bytes + start, 0, end - start);
	memcpy(key->bytes + start, address, length);
	if (prefix % 8)
		key->bytes[start + length - 1] &= (uint8_t)(0xff << (8 - prefix % 8));
	key->length = (uint16_t)end;
	return 0;
}

static bool name_is_whole(const uint8_t *name, size_t length)
{
	struct byte_reader reader = byte_reader_make(name, length);
	struct dns_name lower = {.length = (uint8_t)length};

	if (dns_name_skip_uncompressed(&reader) || byte_reader_left(&reader))
		return false;
	memcpy(lower.wire, name, length);
	dns_name_make_lower_case(&lower);
	return memcmp(lower.wire, name, length) == 0;
}

static bool subnet_is_whole(const uint8_t *bytes)
{
	uint8_t family = cache_key_subnet_family(bytes);
	uint8_t prefix = cache_key_subnet_prefix(bytes);

	if (family == CACHE_SUBNET_NONE)
		return prefix == 0;
	if (!subnet_is_known(family, prefix))
		return false;
	return prefix % 8 == 0 ||
	       !(cache_key_subnet_address(bytes)[prefix / 8] & (0xff >> prefix % 8));
}

bool cache_key_is_whole(const uint8_t *bytes, size_t length)
{
	size_t end;

	if (length < CACHE_KEY_HEADER_BYTES || length > CACHE_KEY_BYTES)
		return false;
	end = CACHE_KEY_HEADER_BYTES + (size_t)cache_key_name_length(bytes) +
	      ((size_t)cache_key_subnet_prefix(bytes) + 7) / 8;
	if (length != padded(end) || (cache_key_flags(bytes) & ~KEY_FLAGS_ALL))
		return false;
	for (size_t i = end; i < length; i++) {
		if (bytes[i])
			return false;
	}
	return name_is_whole(cache_key_name(bytes), cache_key_name_length(bytes)) &&
	       subnet_is_whole(bytes);
}

uint64_t cache_key_hash(const struct cache_key *key, const uint8_t secret[CACHE_SECRET_BYTES])
{
	return XXH3_64bits_withSecret(key->bytes, key->length, secret, CACHE_SECRET_BYTES);
}
