// SPDX-License-Identifier: BSD-3-Clause
#include "dns/rewrite.h"

#include <errno.h>

#include "dns/message_fields.h"
#include "dns/name_table.h"

struct rewrite {
	const uint8_t *bytes;
	size_t length;
	uint32_t steps_left;
	struct byte_writer writer;
	struct dns_name_table table;
	uint16_t counts[3]; // by section
};

// Copies bytes as they are, or the reader fails.
static void rewrite_copy(struct rewrite *rewrite, struct byte_reader *reader, size_t length)
{
	const uint8_t *bytes = byte_reader_take(reader, length);

	if (bytes)
		byte_writer_put(&rewrite->writer, bytes, length);
}

static bool rewrite_name(struct rewrite *rewrite, struct byte_reader *reader, bool may_compress)
{
	struct dns_name name;

	if (dns_name_read_in_steps(reader, &name, &rewrite->steps_left) != 0)
		return false;
	if (may_compress)
		dns_name_write_compressed(&rewrite->writer, &rewrite->table, &name);
	else
		dns_name_write_whole(&rewrite->writer, &rewrite->table, &name);
	return true;
}

// The data, read through a reader that ends with it.
static bool rewrite_data(
	struct rewrite *rewrite, struct byte_reader *data, const struct dns_record *record)
{
	struct dns_data_layout layout = dns_data_layout(record->type, record->class_);

	rewrite_copy(rewrite, data, layout.head);
	for (unsigned int i = 0; i < layout.strings; i++) {
		uint8_t length = byte_reader_take_u8(data);

		byte_writer_put_u8(&rewrite->writer, length);
		rewrite_copy(rewrite, data, length);
	}
	for (unsigned int i = 0; i < layout.names && !data->failed; i++) {
		if (!rewrite_name(rewrite, data, layout.may_be_compressed))
			return false;
	}
	rewrite_copy(
		rewrite, data, layout.tail == DNS_DATA_REST ? byte_reader_left(data) : layout.tail);
	return !data->failed && byte_reader_left(data) == 0;
}

// 0, -EBADMSG or -EMSGSIZE.
static int rewrite_record(struct rewrite *rewrite, const struct dns_record *record)
{
	struct byte_reader reader =
		byte_reader_make(rewrite->bytes, (size_t)record->data_offset + record->data_length);
	size_t fields = record->data_offset - (size_t)DNS_RECORD_FIELD_BYTES;
	uint8_t *data_length;
	size_t start;

	byte_reader_seek(&reader, record->offset);
	if (!rewrite_name(rewrite, &reader, true))
		return -EBADMSG;
	byte_reader_seek(&reader, fields);
	rewrite_copy(rewrite, &reader, DNS_RECORD_FIELD_BYTES - 2);
	byte_reader_take_u16(&reader);
	data_length = byte_writer_reserve(&rewrite->writer, 2);
	start = byte_writer_length(&rewrite->writer);
	if (!rewrite_data(rewrite, &reader, record))
		return -EBADMSG;
	if (rewrite->writer.failed)
		return -EMSGSIZE;
	bytes_store_u16(data_length, (uint16_t)(byte_writer_length(&rewrite->writer) - start));
	rewrite->counts[record->section]++;
	return 0;
}

static int rewrite_records(struct rewrite *rewrite, const struct dns_message *message,
	dns_record_filter *stays, const void *context)
{
	struct dns_record_walk walk;
	struct dns_record record;
	int err = 0;

	dns_record_walk_start(&walk, rewrite->bytes, rewrite->length, message);
	while (!err && dns_record_walk_next(&walk, &record)) {
		if (stays(&record, rewrite->bytes, context))
			err = rewrite_record(rewrite, &record);
	}
	return err;
}

// Header and question, whose name the others are compressed against.
static bool rewrite_start(struct rewrite *rewrite)
{
	struct byte_reader reader = byte_reader_make(rewrite->bytes, rewrite->length);

	rewrite_copy(rewrite, &reader, DNS_HEADER_BYTES);
	if (!rewrite_name(rewrite, &reader, false))
		return false;
	rewrite_copy(rewrite, &reader, DNS_QUESTION_FIELD_BYTES);
	return true;
}

int dns_message_rewrite(const uint8_t *bytes, size_t length, const struct dns_message *message,
	dns_record_filter *stays, const void *context, uint8_t *out, size_t room,
	struct dns_message *rewritten)
{
	struct rewrite rewrite = {
		.bytes = bytes,
		.length = length,
		.steps_left = 2 * (DNS_NAME_STEPS_LEAST + (uint32_t)length),
		.writer = byte_writer_make(
			out, room < DNS_MESSAGE_BYTES_MOST ? room : DNS_MESSAGE_BYTES_MOST),
	};
	int err;

	if (!rewrite_start(&rewrite))
		return -EBADMSG;
	err = rewrite_records(&rewrite, message, stays, context);
	if (err)
		return err;
	if (rewrite.writer.failed)
		return -EMSGSIZE;
	bytes_store_u16(out + 6, rewrite.counts[DNS_SECTION_ANSWER]);
	bytes_store_u16(out + 8, rewrite.counts[DNS_SECTION_AUTHORITY]);
	bytes_store_u16(out + 10, rewrite.counts[DNS_SECTION_ADDITIONAL]);
	length = byte_writer_length(&rewrite.writer);
	return dns_message_read(rewritten, out, length) == DNS_READ_GOOD ? (int)length : -EBADMSG;
}

bool dns_message_has_unasked_dnssec(
	const uint8_t *bytes, size_t length, const struct dns_message *message)
{
	struct dns_record_walk walk;
	struct dns_record record;

	if (base_likely(!message->may_have_dnssec))
		return false;
	dns_record_walk_start(&walk, bytes, length, message);
	while (dns_record_walk_next(&walk, &record)) {
		if (dns_record_is_dnssec(&record, message->question.type))
			return true;
	}
	return false;
}

bool dns_message_has_unasked(const uint8_t *bytes, size_t length, const struct dns_message *message,
	const struct dns_asker *asker)
{
	return (!asker->has_edns && message->edns.is_present) ||
	       (!asker->do_bit && dns_message_has_unasked_dnssec(bytes, length, message));
}

struct asked {
	const struct dns_asker *asker;
	uint16_t type;
};

static bool record_was_asked_for(
	const struct dns_record *record, const uint8_t *bytes, const void *context)
{
	const struct asked *asked = context;

	(void)bytes;
	if (record->type == DNS_TYPE_OPT)
		return asked->asker->has_edns;
	return asked->asker->do_bit || !dns_record_is_dnssec(record, asked->type);
}

int dns_message_remove_unasked(const uint8_t *bytes, size_t length,
	const struct dns_message *message, const struct dns_asker *asker, uint8_t *out, size_t room,
	struct dns_message *rewritten)
{
	const struct asked asked = {asker, message->question.type};

	return dns_message_rewrite(
		bytes, length, message, record_was_asked_for, &asked, out, room, rewritten);
}
