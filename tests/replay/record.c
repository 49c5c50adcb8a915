// SPDX-License-Identifier: BSD-3-Clause
#include "record.h"

#include <stdlib.h>
#include <string.h>

#include "dns/name.h"

#define RECORD_WORDS_MOST 8

enum record_data {
	RECORD_DATA_IPV4,
	RECORD_DATA_IPV6,
	RECORD_DATA_NAME,
	RECORD_DATA_TEXT,
	RECORD_DATA_HEX,
};

struct record_type {
	const char *name;
	uint16_t type;
	enum record_data data;
};

static const struct record_type record_types[] = {
	{"A", 1, RECORD_DATA_IPV4},
	{"NS", 2, RECORD_DATA_NAME},
	{"CNAME", 5, RECORD_DATA_NAME},
	{"SOA", 6, RECORD_DATA_HEX},
	{"PTR", 12, RECORD_DATA_NAME},
	{"MX", 15, RECORD_DATA_HEX},
	{"TXT", 16, RECORD_DATA_TEXT},
	{"AAAA", 28, RECORD_DATA_IPV6},
	{"RRSIG", 46, RECORD_DATA_HEX},
	{"NSEC", 47, RECORD_DATA_HEX},
	{"TYPE65280", 65280, RECORD_DATA_HEX},
	{"ANY", 255, RECORD_DATA_HEX},
};

static const struct record_type *record_type_find(uint16_t type)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(record_types); i++) {
		if (record_types[i].type == type)
			return &record_types[i];
	}
	return NULL;
}

int record_parse_type(const char *text, uint16_t *type)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(record_types); i++) {
		if (strcmp(record_types[i].name, text) == 0) {
			*type = record_types[i].type;
			return 0;
		}
	}
	return -1;
}

const char *record_format_type(uint16_t type, char text[16])
{
	const struct record_type *known = record_type_find(type);

	if (known)
		snprintf(text, 16, "%s", known->name);
	else
		snprintf(text, 16, "TYPE%u", type);
	return text;
}

static size_t text_split(char *text, char *parts[RECORD_WORDS_MOST])
{
	char *rest = NULL;
	size_t count = 0;

	for (char *part = strtok_r(text, " ", &rest); part && count < RECORD_WORDS_MOST;
		part = strtok_r(NULL, " ", &rest))
		parts[count++] = part;
	return count;
}

static int data_write(enum record_data data, const char *text, struct byte_writer *writer)
{
	struct net_address address;
	struct dns_name name;

	switch (data) {
	case RECORD_DATA_IPV4:
		if (net_address_parse(text, &address) || !net_address_is_ipv4(&address))
			return -1;
		byte_writer_put(writer, net_address_ipv4(&address), 4);
		return 0;
	case RECORD_DATA_IPV6:
		if (net_address_parse(text, &address))
			return -1;
		byte_writer_put(writer, address.bytes, 16);
		return 0;
	case RECORD_DATA_NAME:
		if (dns_name_parse_text(&name, text))
			return -1;
		byte_writer_put(writer, name.wire, name.length);
		return 0;
	case RECORD_DATA_TEXT:
		byte_writer_put_u8(writer, (uint8_t)strlen(text));
		byte_writer_put(writer, text, strlen(text) & 0xff);
		return 0;
	case RECORD_DATA_HEX:
		break;
	}
	for (; text[0] && text[1]; text += 2) {
		const char digits[3] = {text[0], text[1], '\0'};

		byte_writer_put_u8(writer, (uint8_t)strtoul(digits, NULL, 16));
	}
	return 0;
}

static int record_write_parts(char *const parts[], struct byte_writer *writer)
{
	struct dns_name owner;
	uint16_t type;
	uint8_t *length;
	uint8_t *start;

	if (dns_name_parse_text(&owner, parts[0]) || record_parse_type(parts[2], &type))
		return -1;
	byte_writer_put(writer, owner.wire, owner.length);
	byte_writer_put_u16(writer, type);
	byte_writer_put_u16(writer, 1);
	byte_writer_put_u32(writer, (uint32_t)strtoul(parts[1], NULL, 10));
	length = byte_writer_reserve(writer, 2);
	start = writer->at;
	if (!length || data_write(record_type_find(type)->data, parts[3], writer))
		return -1;
	bytes_store_u16(length, (uint16_t)(writer->at - start));
	return writer->failed ? -1 : 0;
}

void record_write(struct scenario_words *words, const char *text, struct byte_writer *writer)
{
	char copy[1024];
	char *parts[RECORD_WORDS_MOST];

	snprintf(copy, sizeof(copy), "%s", text);
	if (text_split(copy, parts) != 4 || record_write_parts(parts, writer))
		scenario_fail(words, "\"%s\" is not a record: NAME TTL TYPE DATA", text);
}

static void data_print(enum record_data data, struct byte_reader reader, struct byte_reader end,
	uint16_t length, FILE *stream)
{
	const uint8_t *bytes = reader.at;
	struct net_address address = {{0}};
	struct dns_name name;
	char text[DNS_NAME_TEXT];

	if (data == RECORD_DATA_IPV4 && length == 4) {
		address = net_address_from_ipv4(bytes);
		fputs(net_address_format(&address, text), stream);
	} else if (data == RECORD_DATA_IPV6 && length == 16) {
		address = net_address_from_ipv6(bytes);
		fputs(net_address_format(&address, text), stream);
	} else if (data == RECORD_DATA_NAME && dns_name_read(&reader, &name) == 0 &&
		   reader.at == end.at) {
		fputs(dns_name_format(&name, text), stream);
	} else if (data == RECORD_DATA_TEXT && length && bytes[0] == length - 1) {
		fprintf(stream, "%.*s", length - 1, (const char *)bytes + 1);
	} else {
		for (uint16_t i = 0; i < length; i++)
			fprintf(stream, "%02x", bytes[i]);
	}
}

void record_print(struct byte_reader *reader, FILE *stream)
{
	struct dns_name owner = {0};
	char name[DNS_NAME_TEXT];
	char type_text[16];
	uint16_t type;
	uint16_t class_;
	uint32_t ttl;
	uint16_t length;
	struct byte_reader data;
	const struct record_type *known;

	(void)dns_name_read(reader, &owner);
	type = byte_reader_take_u16(reader);
	class_ = byte_reader_take_u16(reader);
	ttl = byte_reader_take_u32(reader);
	length = byte_reader_take_u16(reader);
	data = *reader;
	(void)byte_reader_take(reader, length);
	if (reader->failed)
		return;
	fprintf(stream, " \"%s %u ", dns_name_format(&owner, name), ttl);
	if (class_ != 1)
		fprintf(stream, "CLASS%u ", class_);
	fprintf(stream, "%s ", record_format_type(type, type_text));
	known = record_type_find(type);
	data_print(known ? known->data : RECORD_DATA_HEX, data, *reader, length, stream);
	fputc('"', stream);
}
