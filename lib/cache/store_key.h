// SPDX-License-Identifier: BSD-3-Clause
// The key of an answer: what was asked, in one form that is equal, byte for byte, for all who may
// share the answer. Any lcore.
//
//   type (2 bytes), class (2), flags (1), subnet family (1), subnet prefix (1), name length (1),
//   name (wire format, lower case), subnet address (as many bytes as the prefix needs), zeros up
//   to a multiple of 8.
//
// Numbers are in network byte order, so that a dump can be read on another machine.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "base/bytes.h"
#include "base/compiler.h"
#include "dns/name.h"

#define CACHE_KEY_HEADER_BYTES 8
#define CACHE_KEY_ADDRESS_BYTES 16
#define CACHE_KEY_BYTES 280 // a whole name and an IPv6 address, padded
#define CACHE_SECRET_BYTES 192 // as XXH3 has them

// Bits of the query that upstreams answer differently.
enum cache_key_flag {
	CACHE_KEY_DO = 0x01, // DNSSEC records wanted (RFC 3225)
	CACHE_KEY_CD = 0x02, // checking disabled (RFC 4035, section 3.2.2)
};

// Address families as RFC 7871, section 6, takes them from IANA; none: not for one subnet.
enum cache_subnet_family {
	CACHE_SUBNET_NONE = 0,
	CACHE_SUBNET_IPV4 = 1,
	CACHE_SUBNET_IPV6 = 2,
};

struct cache_key {
	uint8_t bytes[CACHE_KEY_BYTES] base_aligned(8);
	uint16_t length; // a multiple of 8; bytes behind it are not set
};

// Makes the key from a name in wire format, not compressed, of any case (`name_length` bytes, 1
// to 255, already checked), and a set of cache_key_flag bits. For no subnet.
void cache_key_make(struct cache_key *key, const uint8_t *name, uint8_t name_length, uint16_t type,
	uint16_t class_, uint8_t flags);

// Narrows a key just made to the subnet of RFC 7871's scope. The address has as many bytes as
// `prefix` needs, 0 to 32 or 128 bits; bits past it are cleared. 0, or -EINVAL.
base_must_check int cache_key_set_subnet(struct cache_key *key, enum cache_subnet_family family,
	uint8_t prefix, const uint8_t *address);

// True if bytes that came from outside are a key: lengths that add up, a name in lower case.
bool cache_key_is_whole(const uint8_t *bytes, size_t length);

// XXH3 of the key, all 192 bytes of its secret random: each word of a key is mixed with words of
// the secret of its own, so that who does not know it can not make keys that meet. It is no
// cryptographic hash; keys that meet all the same cost a bucket of eight answers, never time. A
// quarter of what SipHash-1-3 costs for names of 10 to 40 bytes (4 ns to 16).
uint64_t cache_key_hash(const struct cache_key *key, const uint8_t secret[CACHE_SECRET_BYTES]);

// What key bytes say. They are a struct cache_key's or a struct cache_view's.
static inline uint16_t cache_key_type(const uint8_t *bytes)
{
	return bytes_load_u16(bytes);
}

static inline uint16_t cache_key_class(const uint8_t *bytes)
{
	return bytes_load_u16(bytes + 2);
}

static inline uint8_t cache_key_flags(const uint8_t *bytes)
{
	return bytes[4];
}

static inline uint8_t cache_key_subnet_family(const uint8_t *bytes)
{
	return bytes[5];
}

static inline uint8_t cache_key_subnet_prefix(const uint8_t *bytes)
{
	return bytes[6];
}

static inline uint8_t cache_key_name_length(const uint8_t *bytes)
{
	return bytes[7];
}

static inline const uint8_t *cache_key_name(const uint8_t *bytes)
{
	return bytes + CACHE_KEY_HEADER_BYTES;
}

static inline const uint8_t *cache_key_subnet_address(const uint8_t *bytes)
{
	return bytes + CACHE_KEY_HEADER_BYTES + cache_key_name_length(bytes);
}
