// SPDX-License-Identifier: BSD-3-Clause
#include "dns/name.h"

#include <errno.h>

#define LABEL_TYPE_POINTER 0xc0 // RFC 1035, section 4.1.4; 0x40 and 0x80 are reserved

// Names are folded eight bytes at a time, as lanes of one word.
#define LANES(byte) (UINT64_C(0x0101010101010101) * (byte))

// Sets bit 5 of each lane that holds 'A' to 'Z' and leaves the others. No lane carries into the
// next, for each sum is of seven bits and a constant below 0x40.
static inline uint64_t lanes_fold(uint64_t lanes)
{
	uint64_t low_bits = lanes & LANES(0x7f);
	uint64_t from_a = low_bits + LANES(0x80 - 'A');
	uint64_t behind_z = low_bits + LANES(0x7f - 'Z');
	uint64_t upper = (from_a ^ behind_z) & ~lanes & LANES(0x80);

	return lanes | upper >> 2;
}

static inline uint64_t lanes_load(const uint8_t *bytes)
{
	uint64_t lanes;

	memcpy(&lanes, bytes, sizeof(lanes));
	return lanes;
}

// Less than eight bytes, by two loads that may overlap; where what stands does not matter, only
// that it is the same for both names.
static inline uint64_t lanes_load_some(const uint8_t *bytes, size_t length)
{
	uint32_t first, last;

	if (length >= 4) {
		memcpy(&first, bytes, sizeof(first));
		memcpy(&last, bytes + length - sizeof(last), sizeof(last));
		return (uint64_t)last << 32 | first;
	}
	if (length == 0)
		return 0;
	return (uint64_t)bytes[length - 1] << 16 | (uint64_t)bytes[length / 2] << 8 | bytes[0];
}

static inline bool lanes_equal(uint64_t a, uint64_t b)
{
	return a == b || lanes_fold(a) == lanes_fold(b);
}

bool dns_name_bytes_equal(const uint8_t *a, const uint8_t *b, size_t length)
{
	size_t at = 0;

	if (length < 8)
		return lanes_equal(lanes_load_some(a, length), lanes_load_some(b, length));
	for (; at + 8 < length; at += 8) {
		if (!lanes_equal(lanes_load(a + at), lanes_load(b + at)))
			return false;
	}
	return lanes_equal(lanes_load(a + length - 8), lanes_load(b + length - 8));
}

void dns_name_make_lower_case(struct dns_name *name)
{
	for (size_t at = 0; at < name->length; at += 8) {
		size_t left = name->length - at;
		size_t step = left < 8 ? left : 8;
		uint64_t lanes = 0;

		memcpy(&lanes, name->wire + at, step);
		lanes = lanes_fold(lanes);
		memcpy(name->wire + at, &lanes, step);
	}
}

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b)
{
	return a->length == b->length && dns_name_bytes_equal(a->wire, b->wire, a->length);
}

bool dns_name_is_below(const struct dns_name *name, const struct dns_name *zone)
{
	size_t offset = 0;

	if (name->length < zone->length || name->label_count < zone->label_count)
		return false;
	for (unsigned int i = name->label_count - zone->label_count; i; i--)
		offset += 1U + name->wire[offset];
	return name->length - offset == zone->length &&
	       dns_name_bytes_equal(name->wire + offset, zone->wire, zone->length);
}

static inline int name_fail(struct byte_reader *reader)
{
	reader->at = reader->end;
	reader->failed = true;
	return -EBADMSG;
}

// A run of labels as far as a root or a pointer goes: how it ended, and what it came to.
struct label_run {
	const uint8_t *start;
	uint8_t end_byte; // 0, or the first byte of a pointer (which has been taken)
	uint8_t label_count;
};

// Takes labels while the whole name stays within 255 bytes; `length` counts all but the root.
static inline bool label_run_take(struct byte_reader *reader, size_t *length, struct label_run *run)
{
	run->start = reader->at;
	run->label_count = 0;
	for (;;) {
		run->end_byte = byte_reader_take_u8(reader);
		if ((uint8_t)(run->end_byte - 1) >= DNS_LABEL_BYTES)
			break;
		*length += 1U + run->end_byte;
		if (base_unlikely(*length >= DNS_NAME_BYTES))
			return false;
		byte_reader_take(reader, run->end_byte);
		run->label_count++;
	}
	// Past the end, the byte is 0 and the reader failed.
	return !reader->failed && (run->end_byte == 0 || run->end_byte >= LABEL_TYPE_POINTER);
}

static inline void name_append_run(
	struct dns_name *name, const struct label_run *run, size_t length)
{
	size_t kept = name->length;

	memcpy(name->wire + kept, run->start, length - kept);
	name->length = (uint8_t)length;
	name->label_count = (uint8_t)(name->label_count + run->label_count);
}

// Walks the name, and copies it where `name` is not NULL (a constant in each caller).
static inline __attribute__((always_inline)) int name_walk(
	struct byte_reader *reader, struct dns_name *name, uint32_t *steps_left)
{
	struct byte_reader walk = *reader;
	const uint8_t *behind = NULL;
	size_t length = 0;

	for (int pointers = 0; pointers <= DNS_NAME_POINTERS; pointers++) {
		size_t run_offset = byte_reader_offset(&walk);
		struct label_run run;
		size_t target;

		if (!label_run_take(&walk, &length, &run))
			return name_fail(reader);
		if (name)
			name_append_run(name, &run, length);
		if (behind) {
			uint32_t steps = 1U + run.label_count;

			if (base_unlikely(steps > *steps_left))
				return name_fail(reader);
			*steps_left -= steps;
		}
		if (run.end_byte == 0) {
			reader->at = behind ? behind : walk.at;
			return 0;
		}
		target = (size_t)(run.end_byte & 0x3f) << 8 | byte_reader_take_u8(&walk);
		if (walk.failed || target < DNS_HEADER_BYTES || target >= run_offset)
			return name_fail(reader);
		if (!behind)
			behind = walk.at;
		byte_reader_seek(&walk, target);
	}
	return name_fail(reader);
}

int dns_name_read_in_steps(struct byte_reader *reader, struct dns_name *name, uint32_t *steps_left)
{
	int error;

	name->length = 0;
	name->label_count = 0;
	error = name_walk(reader, name, steps_left);
	if (!error)
		name->wire[name->length++] = 0;
	return error;
}

int dns_name_read(struct byte_reader *reader, struct dns_name *name)
{
	uint32_t steps_left = UINT32_MAX;

	return dns_name_read_in_steps(reader, name, &steps_left);
}

int dns_name_skip(struct byte_reader *reader)
{
	uint32_t steps_left = UINT32_MAX;

	return name_walk(reader, NULL, &steps_left);
}

int dns_name_skip_in_steps(struct byte_reader *reader, uint32_t *steps_left)
{
	return name_walk(reader, NULL, steps_left);
}

// Every query and reply comes this way: a label a turn, one bound for each.
int dns_name_skip_uncompressed(struct byte_reader *reader)
{
	const uint8_t *at = reader->at;
	size_t left = byte_reader_left(reader);
	size_t most = left < DNS_NAME_BYTES ? left : DNS_NAME_BYTES;
	size_t offset = 0;

	while (offset < most) {
		uint8_t label = at[offset++];

		if (label == 0) {
			reader->at = at + offset;
			return 0;
		}
		if (base_unlikely(label > DNS_LABEL_BYTES))
			break;
		offset += label;
	}
	return name_fail(reader);
}
