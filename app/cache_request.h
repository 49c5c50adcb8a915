// SPDX-License-Identifier: BSD-3-Clause
// What may be asked of the caches while they serve, as it goes through the mailbox, and the form
// in which people write it. Any thread; the answer is filled in by cache_control.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "cache/store_file.h"
#include "dns/name.h"

#define CACHE_SHOWN_MOST 16
#define CACHE_REQUEST_PATH_BYTES 1024

enum cache_request_verb {
	CACHE_REQUEST_SHOW,
	CACHE_REQUEST_FLUSH,
	CACHE_REQUEST_DUMP,
	CACHE_REQUEST_LOAD,
};

// An answer that is held.
struct cache_shown {
	uint16_t cache; // its number
	uint16_t type;
	uint16_t class_;
	uint16_t value_length;
	uint8_t flags; // of cache_key_flag
	uint8_t subnet_family; // enum cache_subnet_family
	uint8_t subnet_prefix;
	uint8_t kind; // enum cache_kind
	uint8_t rcode;
	uint32_t age; // seconds since it was stored
	int32_t ttl; // seconds to its end; not above 0: it is stale
	int32_t stale; // seconds that it may still be served as such
};

// "success", "denial" or "servfail".
const char *cache_shown_kind(const struct cache_shown *shown);

struct cache_request {
	enum cache_request_verb verb;
	uint16_t first; // number of the first cache, and of the last
	uint16_t last;
	enum cache_flush_scope scope; // ALL, NAME or ZONE
	struct dns_name name; // in lower case
	uint16_t type; // that is shown
	bool has_type;
	char path[CACHE_REQUEST_PATH_BYTES]; // to dump to, or load from

	// The answer.
	char error[CACHE_FILE_ERROR_TEXT]; // "": it went well
	// False: there was no time to look at all of it. A flush, dump or load still goes on.
	bool is_done;
	uint64_t count; // answers removed, written, stored, or found; not all found are shown
	uint32_t shown_count;
	struct cache_shown shown[CACHE_SHOWN_MOST];
};

// "NAME [TYPE] [NUMBER]" to show, "all [NUMBER]", "name NAME [NUMBER]" or "zone NAME [NUMBER]" to
// flush; without the number of a cache, all `cache_count` of them. "FILE [NUMBER]", with a whole
// path, to dump and load; without the number, the first cache. NULL, or what is wrong.
const char *cache_request_parse(struct cache_request *request, enum cache_request_verb verb,
	const char *text, uint16_t cache_count);
