// SPDX-License-Identifier: BSD-3-Clause
#include "stats/query_format.h"

#include <stdio.h>
#include <string.h>

#include "base/clock.h"
#include "base/compiler.h"
#include "dns/message.h"
#include "dns/mnemonic.h"

static void write_address(struct stats_text *text, const struct net_address *address)
{
	char formatted[NET_ADDRESS_TEXT];

	net_address_format(address, formatted);
	stats_text_print(text, net_address_is_ipv4(address) ? "%s" : "[%s]", formatted);
}

static void write_remote(struct stats_text *text, const struct query_record *record)
{
	write_address(text, &record->client.address);
}

static void write_local(struct stats_text *text, const struct query_record *record)
{
	write_address(text, &record->local.address);
}

static void write_port(struct stats_text *text, const struct query_record *record)
{
	stats_text_print(text, "%u", record->client.port);
}

static void write_id(struct stats_text *text, const struct query_record *record)
{
	stats_text_print(text, "%u", record->id);
}

static void write_type(struct stats_text *text, const struct query_record *record)
{
	char mnemonic[DNS_MNEMONIC_TEXT];

	stats_text_add_string(text, dns_type_format(record->type, mnemonic));
}

static void write_class(struct stats_text *text, const struct query_record *record)
{
	char mnemonic[DNS_MNEMONIC_TEXT];

	stats_text_add_string(text, dns_class_format(record->class_, mnemonic));
}

static void write_name(struct stats_text *text, const struct query_record *record)
{
	struct byte_reader reader = byte_reader_make(record->name, record->name_length);
	char formatted[DNS_NAME_TEXT];
	struct dns_name name;

	if (dns_name_read(&reader, &name)) {
		stats_text_add_string(text, "-");
		return;
	}
	dns_name_make_lower_case(&name);
	stats_text_add_string(text, dns_name_format(&name, formatted));
}

static void write_proto(struct stats_text *text, const struct query_record *record)
{
	stats_text_add_string(text, record->is_stream ? "tcp" : "udp");
}

static void write_size(struct stats_text *text, const struct query_record *record)
{
	stats_text_print(text, "%u", record->size);
}

static void write_do(struct stats_text *text, const struct query_record *record)
{
	stats_text_add_string(text, record->do_bit ? "true" : "false");
}

// What the client can take: all over TCP, 512 bytes at least over UDP (RFC 6891, section 6.2.5).
static void write_bufsize(struct stats_text *text, const struct query_record *record)
{
	uint16_t bufsize = record->bufsize;

	if (bufsize < DNS_UDP_BYTES_WITHOUT_EDNS)
		bufsize = DNS_UDP_BYTES_WITHOUT_EDNS;
	stats_text_print(text, "%u", record->is_stream ? UINT16_MAX : bufsize);
}

static void write_rcode(struct stats_text *text, const struct query_record *record)
{
	char mnemonic[DNS_MNEMONIC_TEXT];

	stats_text_add_string(text, dns_rcode_format(record->rcode, mnemonic));
}

static void write_flags(struct stats_text *text, const struct query_record *record)
{
	static const struct {
		uint16_t bit;
		const char *name;
	} flags[] = {{DNS_FLAG_QR, "qr"}, {0x0400, "aa"}, {DNS_FLAG_TC, "tc"}, {DNS_FLAG_RD, "rd"},
		{DNS_FLAG_RA, "ra"}, {0x0040, "z"}, {DNS_FLAG_AD, "ad"}, {DNS_FLAG_CD, "cd"}};
	const char *between = "";

	for (size_t i = 0; i < BASE_ARRAY_SIZE(flags); i++) {
		if (!(record->flags & flags[i].bit))
			continue;
		stats_text_print(text, "%s%s", between, flags[i].name);
		between = ",";
	}
}

static void write_answer_size(struct stats_text *text, const struct query_record *record)
{
	stats_text_print(text, "%u", record->answer_size);
}

// Seconds without zeros at the end.
static void write_duration(struct stats_text *text, const struct query_record *record)
{
	char seconds[32];
	int length = snprintf(seconds, sizeof(seconds), "%llu.%09llu",
		(unsigned long long)(record->duration / CLOCK_SECOND),
		(unsigned long long)(record->duration % CLOCK_SECOND));

	while (length > 0 && seconds[length - 1] == '0')
		length--;
	if (length > 0 && seconds[length - 1] == '.')
		length--;
	stats_text_print(text, "%.*ss", length, seconds);
}

static void write_opcode(struct stats_text *text, const struct query_record *record)
{
	stats_text_print(text, "%u", record->flags >> 11 & 15);
}

static const struct {
	const char *name;
	void (*write)(struct stats_text *text, const struct query_record *record);
} placeholders[] = {
	{"{type}", write_type},
	{"{name}", write_name},
	{"{class}", write_class},
	{"{proto}", write_proto},
	{"{remote}", write_remote},
	{"{local}", write_local},
	{"{size}", write_size},
	{"{port}", write_port},
	{"{duration}", write_duration},
	{"{rcode}", write_rcode},
	{"{rsize}", write_answer_size},
	{"{>rflags}", write_flags},
	{"{>bufsize}", write_bufsize},
	{"{>do}", write_do},
	{"{>id}", write_id},
	{"{>opcode}", write_opcode},
};

// The length of what stands for something at the beginning of `format`, with that written; 0 for none.
static size_t write_placeholder(
	struct stats_text *text, const char *format, const struct query_record *record)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(placeholders); i++) {
		size_t length = strlen(placeholders[i].name);

		if (strncmp(format, placeholders[i].name, length) != 0)
			continue;
		placeholders[i].write(text, record);
		return length;
	}
	if (strncmp(format, "{/", 2) == 0 && strchr(format, '}')) {
		stats_text_add(text, "-", 1);
		return (size_t)(strchr(format, '}') - format) + 1;
	}
	return 0;
}

void query_format_write(
	struct stats_text *text, const char *format, const struct query_record *record)
{
	while (*format) {
		size_t plain = strcspn(format, "{");
		size_t length;

		stats_text_add(text, format, plain);
		format += plain;
		if (!*format)
			return;
		length = write_placeholder(text, format, record);
		if (!length)
			stats_text_add(text, format, 1);
		format += length ? length : 1;
	}
}

void query_format_write_failure(struct stats_text *text, const struct query_record *record)
{
	stats_text_print(text, "%u ", record->rcode);
	write_name(text, record);
	stats_text_add(text, " ", 1);
	write_type(text, record);
	stats_text_add_string(text, ": ");
}
