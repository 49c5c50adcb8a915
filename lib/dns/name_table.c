// SPDX-License-Identifier: BSD-3-Clause
#include "dns/name_table.h"

#define POINTER 0xc000
#define POINTER_MOST 0x3fff // RFC 1035, section 4.1.4
#define LABELS_MOST 127
// Suffixes of one name that are compared byte by byte: more have the same hash in no message that
// was not made for it.
#define COMPARISONS_MOST 4

#define PROBES 4 // slots that are looked at for a suffix

struct name_suffix {
	uint32_t hash;
	uint8_t start; // of its first label in the name
};

// The suffixes from the longest on, without the root alone. Returns their count.
static unsigned int name_list_suffixes(
	const struct dns_name *name, struct name_suffix suffixes[LABELS_MOST])
{
	uint32_t hash = UINT32_C(0x811c9dc5); // FNV-1a, label by label from the last
	unsigned int count = 0;

	for (unsigned int at = 0; name->wire[at]; at += 1U + name->wire[at])
		suffixes[count++].start = (uint8_t)at;
	for (unsigned int i = count; i-- > 0;) {
		const uint8_t *label = name->wire + suffixes[i].start;

		for (unsigned int j = 0; j <= label[0]; j++)
			hash = (hash ^ label[j]) * UINT32_C(0x01000193);
		suffixes[i].hash = hash;
	}
	return count;
}

// True if the name that stands at `offset` of what was written is the suffix. Each pointer in it
// leads to a label, so that a step is taken for each label of the suffix at least.
static bool suffix_stands_at(const struct byte_writer *writer, size_t offset, const uint8_t *suffix)
{
	struct byte_reader reader = byte_reader_make(writer->start, byte_writer_length(writer));

	byte_reader_seek(&reader, offset);
	for (;;) {
		uint8_t byte = byte_reader_take_u8(&reader);
		const uint8_t *label;

		if (byte > DNS_LABEL_BYTES) {
			byte_reader_seek(
				&reader, (size_t)(byte & 0x3f) << 8 | byte_reader_take_u8(&reader));
			byte = byte_reader_take_u8(&reader);
		}
		label = byte_reader_take(&reader, byte);
		if (!label || byte != suffix[0])
			return false;
		if (!byte)
			return true;
		if (memcmp(label, suffix + 1, byte) != 0)
			return false;
		suffix += 1U + byte;
	}
}

// The slots in which a suffix may stand are some in a row.
static inline unsigned int suffix_slot(const struct name_suffix *suffix, unsigned int probe)
{
	return (suffix->hash + probe) % DNS_NAME_TABLE_SLOTS;
}

static inline uint16_t suffix_tag(const struct name_suffix *suffix)
{
	return (uint16_t)(suffix->hash >> 16);
}

// Where the suffix stands, 0 if the table does not know it, or has cost enough.
static uint16_t table_look(const struct dns_name_table *table, const struct byte_writer *writer,
	const struct dns_name *name, const struct name_suffix *suffix, unsigned int *compared)
{
	for (unsigned int probe = 0; probe < PROBES; probe++) {
		unsigned int slot = suffix_slot(suffix, probe);
		uint16_t offset = table->offsets[slot];

		if (!offset)
			return 0;
		if (table->tags[slot] != suffix_tag(suffix) || *compared == COMPARISONS_MOST)
			continue;
		++*compared;
		if (suffix_stands_at(writer, offset, name->wire + suffix->start))
			return offset;
	}
	return 0;
}

// Where the first of the suffixes stands that the table knows; `index` is its number, or `count`.
static uint16_t table_find(const struct dns_name_table *table, const struct byte_writer *writer,
	const struct dns_name *name, const struct name_suffix *suffixes, unsigned int count,
	unsigned int *index)
{
	unsigned int compared = 0;

	for (*index = 0; *index < count; ++*index) {
		uint16_t offset = table_look(table, writer, name, &suffixes[*index], &compared);

		if (offset)
			return offset;
	}
	return 0;
}

static void table_add_suffix(
	struct dns_name_table *table, const struct name_suffix *suffix, uint16_t offset)
{
	for (unsigned int probe = 0; probe < PROBES; probe++) {
		unsigned int slot = suffix_slot(suffix, probe);

		if (table->offsets[slot])
			continue;
		table->offsets[slot] = offset;
		table->tags[slot] = suffix_tag(suffix);
		return;
	}
}

// The suffixes before `index` stand in the message from `start` on.
static void table_add(struct dns_name_table *table, const struct name_suffix *suffixes,
	unsigned int index, size_t start)
{
	for (unsigned int i = 0; i < index; i++) {
		size_t offset = start + suffixes[i].start;

		if (offset <= POINTER_MOST)
			table_add_suffix(table, &suffixes[i], (uint16_t)offset);
	}
}

void dns_name_write_compressed(
	struct byte_writer *writer, struct dns_name_table *table, const struct dns_name *name)
{
	struct name_suffix suffixes[LABELS_MOST];
	unsigned int count = name_list_suffixes(name, suffixes);
	size_t start = byte_writer_length(writer);
	unsigned int index;
	uint16_t offset = table_find(table, writer, name, suffixes, count, &index);

	if (offset) {
		byte_writer_put(writer, name->wire, suffixes[index].start);
		byte_writer_put_u16(writer, POINTER | offset);
	} else {
		byte_writer_put(writer, name->wire, name->length);
	}
	if (!writer->failed)
		table_add(table, suffixes, index, start);
}

void dns_name_write_whole(
	struct byte_writer *writer, struct dns_name_table *table, const struct dns_name *name)
{
	struct name_suffix suffixes[LABELS_MOST];
	unsigned int count = name_list_suffixes(name, suffixes);
	size_t start = byte_writer_length(writer);

	byte_writer_put(writer, name->wire, name->length);
	if (!writer->failed)
		table_add(table, suffixes, count, start);
}
