// SPDX-License-Identifier: BSD-3-Clause
// Whether the records of a message are what their types say.
#include "dns/message.h"
#include "dns/message_fields.h"

#include <errno.h>

// The bytes of a message at which a label of a name stands.
struct label_starts {
	uint64_t words[(DNS_MESSAGE_BYTES_MOST + 1) / 64];
};

static inline bool label_starts_has(const struct label_starts *starts, size_t offset)
{
	return starts->words[offset / 64] >> offset % 64 & 1;
}

static inline void label_starts_add(struct label_starts *starts, size_t offset)
{
	starts->words[offset / 64] |= UINT64_C(1) << offset % 64;
}

// Takes the name at the reader as one that may be pointed at, and says whether it points well
// itself. Steps are taken only by names in data: those of owners have been read.
static bool check_name(
	struct byte_reader *reader, struct label_starts *starts, uint32_t *steps_left)
{
	struct byte_reader walk = *reader;

	if (dns_name_skip_in_steps(reader, steps_left) != 0)
		return false;
	for (;;) {
		size_t offset = byte_reader_offset(&walk);
		uint8_t byte = byte_reader_take_u8(&walk);

		if (byte > DNS_LABEL_BYTES)
			return label_starts_has(
				starts, (size_t)(byte & 0x3f) << 8 | byte_reader_take_u8(&walk));
		if (!byte)
			return true;
		label_starts_add(starts, offset);
		byte_reader_take(&walk, byte);
	}
}

static bool check_data(struct byte_reader data, const struct dns_record *record,
	struct label_starts *starts, uint32_t *steps_left)
{
	struct dns_data_layout layout = dns_data_layout(record->type, record->class_);

	byte_reader_take(&data, layout.head);
	for (unsigned int i = 0; i < layout.strings; i++)
		byte_reader_take(&data, byte_reader_take_u8(&data));
	for (unsigned int i = 0; i < layout.names && !data.failed; i++) {
		if (!check_name(&data, starts, steps_left))
			return false;
	}
	if (layout.tail == DNS_DATA_REST)
		return !data.failed;
	byte_reader_take(&data, layout.tail);
	return !data.failed && byte_reader_left(&data) == 0;
}

int dns_message_check_records(
	const uint8_t *bytes, size_t length, const struct dns_message *message)
{
	uint32_t steps_left = 2 * (DNS_NAME_STEPS_LEAST + (uint32_t)length);
	struct label_starts starts;
	struct dns_record_walk walk;
	struct byte_reader question;
	struct dns_record record;

	memset(&starts, 0, (length / 64 + 1) * sizeof(starts.words[0]));
	question = byte_reader_make(bytes, length);
	byte_reader_take(&question, DNS_HEADER_BYTES);
	if (!check_name(&question, &starts, &steps_left))
		return -EBADMSG;
	dns_record_walk_start(&walk, bytes, length, message);
	while (dns_record_walk_next(&walk, &record)) {
		struct byte_reader owner = byte_reader_make(bytes, record.ttl_offset);
		struct byte_reader data =
			byte_reader_make(bytes, (size_t)record.data_offset + record.data_length);

		byte_reader_seek(&owner, record.offset);
		byte_reader_seek(&data, record.data_offset);
		if (!check_name(&owner, &starts, &steps_left) ||
			!check_data(data, &record, &starts, &steps_left))
			return -EBADMSG;
	}
	return 0;
}
