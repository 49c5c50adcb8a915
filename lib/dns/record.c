// SPDX-License-Identifier: BSD-3-Clause
#include "dns/record.h"

#include "dns/message.h"
#include "dns/message_fields.h"

#define LAYOUT(...)                                                                                \
	{                                                                                          \
		.is_known = true, __VA_ARGS__                                                      \
	}
#define COMPRESSED_NAMES(count) .may_be_compressed = true, .names = (count)

// RFC 1035 section 3.3, but for what is a name and nothing else elsewhere. The others are those
// of RFC 3597 section 4, and later ones with names.
static const struct dns_data_layout data_layouts[] = {
	[DNS_TYPE_A] = LAYOUT(.head = 4),
	[DNS_TYPE_NS] = LAYOUT(COMPRESSED_NAMES(1)),
	[DNS_TYPE_MD] = LAYOUT(COMPRESSED_NAMES(1)),
	[DNS_TYPE_MF] = LAYOUT(COMPRESSED_NAMES(1)),
	[DNS_TYPE_CNAME] = LAYOUT(COMPRESSED_NAMES(1)),
	[DNS_TYPE_SOA] = LAYOUT(COMPRESSED_NAMES(2), .tail = 20),
	[DNS_TYPE_MB] = LAYOUT(COMPRESSED_NAMES(1)),
	[DNS_TYPE_MG] = LAYOUT(COMPRESSED_NAMES(1)),
	[DNS_TYPE_MR] = LAYOUT(COMPRESSED_NAMES(1)),
	[DNS_TYPE_PTR] = LAYOUT(COMPRESSED_NAMES(1)),
	[DNS_TYPE_MINFO] = LAYOUT(COMPRESSED_NAMES(2)),
	[DNS_TYPE_MX] = LAYOUT(.head = 2, COMPRESSED_NAMES(1)),
	[DNS_TYPE_RP] = LAYOUT(.names = 2),
	[DNS_TYPE_AFSDB] = LAYOUT(.head = 2, .names = 1),
	[DNS_TYPE_RT] = LAYOUT(.head = 2, .names = 1),
	[DNS_TYPE_SIG] = LAYOUT(.head = 18, .names = 1, .tail = DNS_DATA_REST),
	[DNS_TYPE_PX] = LAYOUT(.head = 2, .names = 2),
	[DNS_TYPE_AAAA] = LAYOUT(.head = 16),
	[DNS_TYPE_NXT] = LAYOUT(.names = 1, .tail = DNS_DATA_REST),
	[DNS_TYPE_SRV] = LAYOUT(.head = 6, .names = 1),
	[DNS_TYPE_NAPTR] = LAYOUT(.head = 4, .strings = 3, .names = 1),
	[DNS_TYPE_KX] = LAYOUT(.head = 2, .names = 1),
	[DNS_TYPE_DNAME] = LAYOUT(.names = 1),
	[DNS_TYPE_RRSIG] = LAYOUT(.head = 18, .names = 1, .tail = DNS_DATA_REST),
	[DNS_TYPE_NSEC] = LAYOUT(.names = 1, .tail = DNS_DATA_REST),
	[DNS_TYPE_SVCB] = LAYOUT(.head = 2, .names = 1, .tail = DNS_DATA_REST),
	[DNS_TYPE_HTTPS] = LAYOUT(.head = 2, .names = 1, .tail = DNS_DATA_REST),
};

struct dns_data_layout dns_data_layout(uint16_t type, uint16_t class_)
{
	// Other classes may have other data for a type (RFC 3597, section 4).
	if (class_ == DNS_CLASS_IN && type < BASE_ARRAY_SIZE(data_layouts) &&
		data_layouts[type].is_known)
		return data_layouts[type];
	return (struct dns_data_layout){.tail = DNS_DATA_REST};
}

void dns_record_walk_start(struct dns_record_walk *walk, const uint8_t *bytes, size_t length,
	const struct dns_message *message)
{
	walk->reader = byte_reader_make(bytes, length);
	byte_reader_take(&walk->reader, message->question_end);
	walk->section = DNS_SECTION_ANSWER;
	walk->left[DNS_SECTION_ANSWER] = message->answer_count;
	walk->left[DNS_SECTION_AUTHORITY] = message->authority_count;
	walk->left[DNS_SECTION_ADDITIONAL] = message->additional_count;
}

// What of a good name stands here: labels to the root or to a pointer.
static void walk_skip_name(struct byte_reader *reader)
{
	for (;;) {
		uint8_t byte = byte_reader_take_u8(reader);

		if (byte > DNS_LABEL_BYTES)
			byte_reader_take_u8(reader);
		else
			byte_reader_take(reader, byte);
		if (!byte || byte > DNS_LABEL_BYTES)
			return;
	}
}

bool dns_record_walk_next(struct dns_record_walk *walk, struct dns_record *record)
{
	struct byte_reader *reader = &walk->reader;
	const uint8_t *fields;

	while (!walk->left[walk->section]) {
		if (walk->section == DNS_SECTION_ADDITIONAL)
			return false;
		walk->section++;
	}
	walk->left[walk->section]--;
	record->section = walk->section;
	record->offset = (uint16_t)byte_reader_offset(reader);
	walk_skip_name(reader);
	fields = byte_reader_take(reader, DNS_RECORD_FIELD_BYTES);
	if (base_unlikely(!fields))
		return false;
	record->type = bytes_load_u16(fields);
	record->class_ = bytes_load_u16(fields + 2);
	record->ttl = bytes_load_u32(fields + 4);
	record->data_length = bytes_load_u16(fields + 8);
	record->data_offset = (uint16_t)byte_reader_offset(reader);
	record->ttl_offset = (uint16_t)(record->data_offset - 6);
	byte_reader_take(reader, record->data_length);
	return !reader->failed;
}

bool dns_record_signs_message(const struct dns_record *record, const uint8_t *bytes)
{
	if (record->section != DNS_SECTION_ADDITIONAL)
		return false;
	// A SIG that covers type 0 is SIG(0) (RFC 2931, section 3).
	return record->type == DNS_TYPE_TSIG ||
	       (record->type == DNS_TYPE_SIG && record->data_length >= 2 &&
		       bytes_load_u16(bytes + record->data_offset) == 0);
}

bool dns_record_is_dnssec(const struct dns_record *record, uint16_t question_type)
{
	if (record->type == question_type || question_type == DNS_TYPE_ANY)
		return false;
	switch (record->type) {
	case DNS_TYPE_DS:
	case DNS_TYPE_RRSIG:
	case DNS_TYPE_NSEC:
	case DNS_TYPE_DNSKEY:
	case DNS_TYPE_NSEC3:
		return true;
	default:
		return false;
	}
}
