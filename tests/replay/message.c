// SPDX-License-Identifier: BSD-3-Clause
#include "message.h"

#include <stdlib.h>
#include <string.h>

#include "record.h"

#define TYPE_OPT 41
#define OPTION_EDE 15 // RFC 8914
#define OPTION_PADDING 12 // RFC 7830
#define OPTION_SUBNET 8 // RFC 7871
#define FILL_TEXT 99 // bytes of text in a record that only fills

struct flag_word {
	const char *name;
	uint16_t flag;
};

static const struct flag_word flag_words[] = {
	{"qr", DNS_FLAG_QR},
	{"aa", DNS_FLAG_AA},
	{"tc", DNS_FLAG_TC},
	{"rd", DNS_FLAG_RD},
	{"ra", DNS_FLAG_RA},
	{"ad", DNS_FLAG_AD},
	{"cd", DNS_FLAG_CD},
};

static const char *const rcode_names[] = {
	"NOERROR",
	"FORMERR",
	"SERVFAIL",
	"NXDOMAIN",
	"NOTIMP",
	"REFUSED",
	"YXDOMAIN",
	"YXRRSET",
	"NXRRSET",
	"NOTAUTH",
	"NOTZONE",
	[16] = "BADVERS",
	[23] = "BADCOOKIE",
};

static void read_name(struct scenario_words *words, struct dns_name *name)
{
	const char *word = scenario_word(words, "a name");

	if (!words->failed && dns_name_parse_text(name, word))
		scenario_fail(words, "'%s' is not a name", word);
}

void message_read_question(struct scenario_words *words, struct message_shape *shape)
{
	const char *word;

	read_name(words, &shape->name);
	word = scenario_word(words, "a type");
	if (!words->failed && record_parse_type(word, &shape->type))
		scenario_fail(words, "'%s' is not a type known here", word);
	if (scenario_accept(words, "class"))
		shape->class_ = (uint16_t)scenario_number(words, "a class", UINT16_MAX);
}

static bool read_flag(struct scenario_words *words, struct message_shape *shape)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(flag_words); i++) {
		char without[8];

		snprintf(without, sizeof(without), "no-%s", flag_words[i].name);
		if (scenario_accept(words, flag_words[i].name))
			shape->flags |= flag_words[i].flag;
		else if (scenario_accept(words, without))
			shape->flags &= (uint16_t)~flag_words[i].flag;
		else
			continue;
		return true;
	}
	return false;
}

static bool read_rcode(struct scenario_words *words, struct message_shape *shape)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(rcode_names); i++) {
		if (rcode_names[i] && scenario_accept(words, rcode_names[i])) {
			shape->rcode = (uint16_t)i;
			return true;
		}
	}
	if (!scenario_accept(words, "RCODE"))
		return false;
	shape->rcode = (uint16_t)scenario_number(words, "an rcode", 4095);
	return true;
}

static bool read_record(struct scenario_words *words, struct message_shape *shape)
{
	enum message_section section = MESSAGE_ANSWER;

	if (scenario_accept(words, "authority"))
		section = MESSAGE_AUTHORITY;
	else if (scenario_accept(words, "additional"))
		section = MESSAGE_ADDITIONAL;
	else if (!scenario_next_is_quoted(words))
		return false;
	if (shape->record_counts[section] == MESSAGE_RECORDS_MOST)
		scenario_fail(words, "too many records");
	else
		shape->records[section][shape->record_counts[section]++] =
			scenario_word(words, "a record");
	return true;
}

// ADDRESS/LENGTH, and perhaps /SCOPE.
static void read_subnet(struct scenario_words *words, struct message_shape *shape)
{
	char text[64];
	char *rest = NULL;
	const char *length;
	const char *scope;
	struct net_address address = {{0}};
	bool is_ipv4;

	snprintf(text, sizeof(text), "%s", scenario_word(words, "a subnet"));
	if (net_address_parse(strtok_r(text, "/", &rest), &address))
		scenario_fail(words, "a subnet is ADDRESS/LENGTH or ADDRESS/LENGTH/SCOPE");
	length = strtok_r(NULL, "/", &rest);
	scope = strtok_r(NULL, "/", &rest);
	is_ipv4 = net_address_is_ipv4(&address);
	shape->has_subnet = true;
	shape->subnet = (struct dns_client_subnet){
		.family = is_ipv4 ? 1 : 2,
		.source_length = (uint8_t)(length ? strtoul(length, NULL, 10) : 0),
		.scope_length = (uint8_t)(scope ? strtoul(scope, NULL, 10) : 0),
	};
	memcpy(shape->subnet.address, is_ipv4 ? net_address_ipv4(&address) : address.bytes,
		is_ipv4 ? 4 : sizeof(shape->subnet.address));
}

static bool read_edns(struct scenario_words *words, struct message_shape *shape)
{
	if (scenario_accept(words, "edns")) {
		shape->has_edns = true;
		shape->udp_size = (uint16_t)scenario_number(words, "a size", UINT16_MAX);
	} else if (scenario_accept(words, "no-edns")) {
		shape->has_edns = false;
	} else if (scenario_accept(words, "do")) {
		shape->do_bit = true;
	} else if (scenario_accept(words, "version")) {
		shape->version = (uint8_t)scenario_number(words, "a version", UINT8_MAX);
	} else if (scenario_accept(words, "ede")) {
		shape->extended_error = (int)scenario_number(words, "a code", UINT16_MAX);
	} else if (scenario_accept(words, "padding")) {
		shape->padding = scenario_number(words, "a length", 4096);
	} else if (scenario_accept(words, "subnet")) {
		read_subnet(words, shape);
	} else {
		return false;
	}
	return true;
}

bool message_read_word(struct scenario_words *words, struct message_shape *shape)
{
	if (read_flag(words, shape) || read_rcode(words, shape) || read_record(words, shape) ||
		read_edns(words, shape))
		return true;
	if (scenario_accept(words, "id")) {
		shape->id = (uint16_t)scenario_number(words, "an id", UINT16_MAX);
	} else if (scenario_accept(words, "opcode")) {
		shape->opcode = (uint8_t)scenario_number(words, "an opcode", 15);
	} else if (scenario_accept(words, "question")) {
		message_read_question(words, shape);
	} else if (scenario_accept(words, "questions")) {
		shape->question_count = (int)scenario_number(words, "a count", UINT16_MAX);
	} else if (scenario_accept(words, "fill")) {
		shape->fill_to = scenario_number(words, "a size", MESSAGE_BYTES - 512);
	} else if (scenario_accept(words, "size")) {
		shape->size = scenario_number(words, "a size", MESSAGE_BYTES);
	} else if (scenario_accept(words, "cut")) {
		shape->cut_to = scenario_number(words, "a size", MESSAGE_BYTES);
	} else if (scenario_accept(words, "append")) {
		shape->appended_length =
			scenario_hex(words, shape->appended, sizeof(shape->appended));
	} else if (scenario_accept(words, "raw")) {
		shape->is_raw = true;
		shape->appended_length =
			scenario_hex(words, shape->appended, sizeof(shape->appended));
	} else {
		return false;
	}
	return true;
}

static void build_header(
	const struct message_shape *shape, const uint16_t counts[], struct byte_writer *writer)
{
	byte_writer_put_u16(writer, shape->id);
	byte_writer_put_u16(
		writer, (uint16_t)(shape->flags | shape->opcode << 11 | (shape->rcode & 0xf)));
	byte_writer_put_u16(writer, (uint16_t)shape->question_count);
	for (int i = 0; i < MESSAGE_SECTIONS; i++)
		byte_writer_put_u16(writer, counts[i]);
}

static void build_opt(const struct message_shape *shape, struct byte_writer *writer)
{
	uint16_t subnet_bytes = (uint16_t)((shape->subnet.source_length + 7) / 8);
	uint16_t options = 0;

	if (shape->extended_error != DNS_EDE_NONE)
		options = (uint16_t)(options + 6);
	if (shape->padding)
		options = (uint16_t)(options + 4 + shape->padding);
	if (shape->has_subnet)
		options = (uint16_t)(options + 8 + subnet_bytes);
	byte_writer_put_u8(writer, 0);
	byte_writer_put_u16(writer, TYPE_OPT);
	byte_writer_put_u16(writer, shape->udp_size);
	byte_writer_put_u8(writer, (uint8_t)(shape->rcode >> 4));
	byte_writer_put_u8(writer, shape->version);
	byte_writer_put_u16(writer, shape->do_bit ? 0x8000 : 0);
	byte_writer_put_u16(writer, options);
	if (shape->has_subnet) {
		byte_writer_put_u16(writer, OPTION_SUBNET);
		byte_writer_put_u16(writer, (uint16_t)(4 + subnet_bytes));
		byte_writer_put_u16(writer, shape->subnet.family);
		byte_writer_put_u8(writer, shape->subnet.source_length);
		byte_writer_put_u8(writer, shape->subnet.scope_length);
		byte_writer_put(writer, shape->subnet.address, subnet_bytes);
	}
	if (shape->extended_error != DNS_EDE_NONE) {
		byte_writer_put_u16(writer, OPTION_EDE);
		byte_writer_put_u16(writer, 2);
		byte_writer_put_u16(writer, (uint16_t)shape->extended_error);
	}
	if (shape->padding) {
		uint8_t *bytes;

		byte_writer_put_u16(writer, OPTION_PADDING);
		byte_writer_put_u16(writer, (uint16_t)shape->padding);
		bytes = byte_writer_reserve(writer, shape->padding);
		if (bytes)
			memset(bytes, 0, shape->padding);
	}
}

// TXT records of the question's name, numbered so that no two are alike.
static uint16_t build_fill(const struct message_shape *shape, struct byte_writer *writer)
{
	uint16_t count = 0;

	while (byte_writer_length(writer) < shape->fill_to) {
		char text[FILL_TEXT + 1];

		snprintf(text, sizeof(text), "%0*u", FILL_TEXT, count++);
		byte_writer_put_u16(writer, 0xc000 | DNS_HEADER_BYTES);
		byte_writer_put_u16(writer, 16);
		byte_writer_put_u16(writer, 1);
		byte_writer_put_u32(writer, 300);
		byte_writer_put_u16(writer, FILL_TEXT + 1);
		byte_writer_put_u8(writer, FILL_TEXT);
		byte_writer_put(writer, text, FILL_TEXT);
	}
	return count;
}

static void build_body(
	struct scenario_words *words, const struct message_shape *shape, struct byte_writer *writer)
{
	uint16_t counts[MESSAGE_SECTIONS] = {0};
	uint8_t *header = writer->at;

	build_header(shape, counts, writer);
	for (int i = 0; i < shape->question_count; i++) {
		byte_writer_put(writer, shape->name.wire, shape->name.length);
		byte_writer_put_u16(writer, shape->type);
		byte_writer_put_u16(writer, shape->class_);
	}
	for (int section = 0; section < MESSAGE_SECTIONS; section++) {
		if (section == MESSAGE_ANSWER)
			counts[section] = build_fill(shape, writer);
		for (size_t i = 0; i < shape->record_counts[section]; i++)
			record_write(words, shape->records[section][i], writer);
		counts[section] += (uint16_t)shape->record_counts[section];
	}
	if (shape->has_edns) {
		build_opt(shape, writer);
		counts[MESSAGE_ADDITIONAL]++;
	}
	for (int i = 0; i < MESSAGE_SECTIONS; i++)
		bytes_store_u16(header + 6 + 2 * i, counts[i]);
}

void message_build(
	struct scenario_words *words, const struct message_shape *shape, struct message *message)
{
	struct byte_writer writer = byte_writer_make(message->bytes, sizeof(message->bytes));

	if (!shape->is_raw)
		build_body(words, shape, &writer);
	byte_writer_put(&writer, shape->appended, shape->appended_length);
	if (writer.failed)
		scenario_fail(words, "the message does not fit");
	message->length = (uint16_t)byte_writer_length(&writer);
	if (shape->cut_to && shape->cut_to < message->length)
		message->length = (uint16_t)shape->cut_to;
	if (shape->size && shape->size != message->length)
		scenario_fail(words, "this makes a message of %u bytes", message->length);
}

static void print_subnet(const uint8_t *data, uint16_t length, FILE *stream)
{
	fprintf(stream, " subnet %u:", bytes_load_u16(data));
	for (uint16_t i = 4; i < length; i++)
		fprintf(stream, "%02x", data[i]);
	fprintf(stream, "/%u/%u", data[2], data[3]);
}

static void print_opt_options(struct byte_reader *reader, uint16_t length, FILE *stream)
{
	size_t end = byte_reader_offset(reader) + length;

	while (byte_reader_offset(reader) < end && !reader->failed) {
		uint16_t code = byte_reader_take_u16(reader);
		uint16_t option_length = byte_reader_take_u16(reader);
		const uint8_t *data = byte_reader_take(reader, option_length);

		if (data && code == OPTION_EDE && option_length == 2)
			fprintf(stream, " ede %u", bytes_load_u16(data));
		else if (data && code == OPTION_SUBNET && option_length >= 4)
			print_subnet(data, option_length, stream);
		else if (code == OPTION_PADDING)
			fprintf(stream, " padding %u", option_length);
		else
			fprintf(stream, " option %u of %u bytes", code, option_length);
	}
}

static void print_opt(const uint8_t *bytes, const struct dns_message *message, FILE *stream)
{
	struct byte_reader reader =
		byte_reader_make(bytes, (size_t)message->edns.offset + message->edns.length);
	uint16_t length;

	fprintf(stream, " edns %u%s", message->edns.udp_size, message->edns.do_bit ? " do" : "");
	if (message->edns.version)
		fprintf(stream, " version %u", message->edns.version);
	byte_reader_seek(&reader, message->edns.offset + 9u);
	length = byte_reader_take_u16(&reader);
	print_opt_options(&reader, length, stream);
}

static void print_records(
	const uint8_t *bytes, size_t length, const struct dns_message *message, FILE *stream)
{
	const uint16_t counts[MESSAGE_SECTIONS] = {
		message->answer_count, message->authority_count, message->additional_count};
	static const char *const titles[MESSAGE_SECTIONS] = {"", " authority", " additional"};
	struct byte_reader reader = byte_reader_make(bytes, length);

	byte_reader_seek(&reader, message->question_end);
	for (int section = 0; section < MESSAGE_SECTIONS; section++) {
		for (uint16_t i = 0; i < counts[section]; i++) {
			if (message->edns.is_present &&
				byte_reader_offset(&reader) == message->edns.offset) {
				byte_reader_seek(&reader,
					(size_t)message->edns.offset + message->edns.length);
				continue;
			}
			fputs(titles[section], stream);
			record_print(&reader, stream);
		}
	}
}

static void print_message(
	const uint8_t *bytes, size_t length, const struct dns_message *message, FILE *stream)
{
	uint16_t rcode = message->rcode;
	struct byte_reader reader = byte_reader_make(bytes, length);
	struct dns_name name = {0};
	char text[DNS_NAME_TEXT];

	if (message->edns.is_present)
		rcode |= (uint16_t)(bytes[message->edns.offset + 5] << 4);
	if (rcode < BASE_ARRAY_SIZE(rcode_names) && rcode_names[rcode])
		fputs(rcode_names[rcode], stream);
	else
		fprintf(stream, "RCODE %u", rcode);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(flag_words); i++) {
		if (message->flags & flag_words[i].flag)
			fprintf(stream, " %s", flag_words[i].name);
	}
	if (message->opcode)
		fprintf(stream, " opcode %u", message->opcode);
	if (message->question_count == 1) {
		byte_reader_seek(&reader, DNS_HEADER_BYTES);
		(void)dns_name_read(&reader, &name);
		fprintf(stream, " question %s %s", dns_name_format(&name, text),
			record_format_type(message->question.type, (char[16]){0}));
		if (message->question.class_ != 1)
			fprintf(stream, " class %u", message->question.class_);
	} else {
		fprintf(stream, " questions %u", message->question_count);
	}
	print_records(bytes, length, message, stream);
	if (message->edns.is_present)
		print_opt(bytes, message, stream);
}

const char *message_format(const uint8_t *bytes, size_t length, char text[MESSAGE_TEXT])
{
	struct dns_message message = {0};
	enum dns_read_result read = dns_message_read(&message, bytes, length);
	FILE *stream = fmemopen(text, MESSAGE_TEXT, "w");

	if (!stream)
		abort();
	// A header alone, QDCOUNT 0, is what answers a question that can not be read.
	if (read == DNS_READ_GOOD || (read == DNS_READ_BAD_QUESTION && length == DNS_HEADER_BYTES))
		print_message(bytes, length, &message, stream);
	else
		fprintf(stream, "a message of %zu bytes that can not be read", length);
	fputc('\0', stream);
	(void)fclose(stream);
	return text;
}
