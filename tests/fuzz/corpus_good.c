// SPDX-License-Identifier: BSD-3-Clause
// The good messages of the corpus.
#include "corpus_sample.h"

#define QUESTION_POINTER "\xc0\x0c"

enum {
	TYPE_A = 1,
	TYPE_NS = 2,
	TYPE_CNAME = 5,
	TYPE_SOA = 6,
	TYPE_PTR = 12,
	TYPE_MX = 15,
	TYPE_TXT = 16,
	TYPE_AAAA = 28,
	TYPE_SRV = 33,
	TYPE_NAPTR = 35,
	TYPE_OPT = 41,
	TYPE_DS = 43,
	TYPE_RRSIG = 46,
	TYPE_DNSKEY = 48,
	TYPE_HTTPS = 65,
	TYPE_TSIG = 250,
	TYPE_ANY = 255,
	TYPE_CAA = 257,
	TYPE_UNKNOWN = 65280,
};

enum {
	CLASS_IN = 1,
	CLASS_CHAOS = 3,
	CLASS_ANY = 255,
};

void sample_start_record(struct sample *sample, enum sample_section section, const void *name,
	size_t name_length, uint16_t type, uint16_t class_, uint32_t ttl)
{
	struct byte_writer *writer = &sample->writer;
	struct sample_record *record = &sample->records[sample->record_count++];
	uint8_t *count = writer->start + section;

	bytes_store_u16(count, (uint16_t)(bytes_load_u16(count) + 1));
	record->name_offset = byte_writer_length(writer);
	byte_writer_put(writer, name, name_length);
	record->fields_offset = byte_writer_length(writer);
	byte_writer_put_u16(writer, type);
	byte_writer_put_u16(writer, class_);
	byte_writer_put_u32(writer, ttl);
	byte_writer_put_u16(writer, 0);
}

void sample_end_record(struct sample *sample)
{
	struct byte_writer *writer = &sample->writer;
	size_t fields = sample->records[sample->record_count - 1].fields_offset;

	bytes_store_u16(
		writer->start + fields + 8, (uint16_t)(byte_writer_length(writer) - fields - 10));
}

void sample_add_opt(struct sample *sample, uint16_t udp_size, uint32_t ttl, const void *options,
	size_t options_length)
{
	sample_start_record(sample, SAMPLE_ADDITIONAL, "\0", 1, TYPE_OPT, udp_size, ttl);
	byte_writer_put(&sample->writer, options, options_length);
	sample_end_record(sample);
}

static void put_random_bytes(struct sample *sample, struct sample_random *random, size_t length)
{
	for (size_t i = 0; i < length; i++)
		byte_writer_put_u8(&sample->writer, (uint8_t)sample_random_u64(random));
}

static void put_label(struct sample *sample, struct sample_random *random, size_t length)
{
	static const char alphabet[] =
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_";

	byte_writer_put_u8(&sample->writer, (uint8_t)length);
	for (size_t i = 0; i < length; i++)
		byte_writer_put_u8(&sample->writer,
			(uint8_t)alphabet[sample_random_below(random, sizeof(alphabet) - 1)]);
}

// Most names are short; a few are the root, as long as can be, or of any bytes.
static void put_question_name(struct sample *sample, struct sample_random *random)
{
	uint32_t shape = sample_random_below(random, 64);
	uint32_t labels = 1 + sample_random_below(random, 5);

	if (shape == 0) {
		labels = 0;
	} else if (shape == 1) {
		for (labels = 0; labels < 3; labels++)
			put_label(sample, random, 63);
		put_label(sample, random, 61);
		labels = 0;
	} else if (shape == 2) {
		byte_writer_put_u8(&sample->writer, 20);
		put_random_bytes(sample, random, 20);
	}
	for (; labels; labels--)
		put_label(sample, random, 1 + sample_random_below(random, 14));
	byte_writer_put_u8(&sample->writer, 0);
}

// A name of one label and the question's name, or the root where that would be too long.
static void put_name_below_question(
	struct sample *sample, struct sample_random *random, size_t label_length)
{
	size_t question_name = sample->question_end - 4 - SAMPLE_HEADER_BYTES;

	put_label(sample, random, label_length);
	if (question_name + 1 + label_length <= 255)
		byte_writer_put(&sample->writer, QUESTION_POINTER, 2);
	else
		byte_writer_put_u8(&sample->writer, 0);
}

static void put_question(struct sample *sample, struct sample_random *random)
{
	static const uint16_t types[] = {TYPE_A, TYPE_AAAA, TYPE_NS, TYPE_CNAME, TYPE_SOA, TYPE_PTR,
		TYPE_MX, TYPE_TXT, TYPE_SRV, TYPE_NAPTR, TYPE_DS, TYPE_DNSKEY, TYPE_HTTPS, TYPE_ANY,
		TYPE_CAA, TYPE_UNKNOWN};
	uint32_t type = sample_random_below(random, BASE_ARRAY_SIZE(types));

	put_question_name(sample, random);
	byte_writer_put_u16(&sample->writer, types[type]);
	byte_writer_put_u16(
		&sample->writer, sample_random_below(random, 16) ? CLASS_IN : CLASS_CHAOS);
	sample->question_end = byte_writer_length(&sample->writer);
}

// The options of a query: nothing, a cookie (RFC 7873), a client subnet (RFC 7871), padding
// (RFC 7830) or one that nobody knows, or all of them.
static void add_query_opt(struct sample *sample, struct sample_random *random)
{
	static const uint16_t sizes[] = {0, 512, 1220, 1232, 1400, 4096, 65535};
	static const struct {
		const char *bytes;
		size_t length;
	} options[] = {
		{"", 0},
		{"\0\x0a\0\x08"
		 "clientck",
			12},
		{"\0\x08\0\7\0\1\x18\0\xc0\0\2", 11},
		{"\0\x08\0\x0b\0\2\x38\0\x20\1\x0d\xb8\0\0\1", 15},
		{"\0\x0c\0\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20},
		{"\xfd\xe9\0\3xyz", 7},
		{"\0\3\0\0\0\x0a\0\x08"
		 "clientck\0\x08\0\4\0\1\0\0",
			24},
	};
	uint32_t size = sample_random_below(random, BASE_ARRAY_SIZE(sizes));
	uint32_t option = sample_random_below(random, BASE_ARRAY_SIZE(options));
	uint32_t do_bit = sample_random_below(random, 2) ? 0x8000 : 0;

	sample_add_opt(sample, sizes[size], do_bit, options[option].bytes, options[option].length);
}

static void put_records_of_query(struct sample *sample, struct sample_random *random)
{
	uint32_t shape = sample_random_below(random, 16);

	if (shape >= 4)
		add_query_opt(sample, random);
	if (shape != 15)
		return;
	sample_start_record(sample, SAMPLE_ADDITIONAL, "\3key\0", 5, TYPE_TSIG, CLASS_ANY, 0);
	put_random_bytes(sample, random, 40);
	sample_end_record(sample);
}

static void add_answer(
	struct sample *sample, struct sample_random *random, uint16_t type, size_t data_length)
{
	sample_start_record(sample, SAMPLE_ANSWER, QUESTION_POINTER, 2, type, CLASS_IN, 300);
	put_random_bytes(sample, random, data_length);
	sample_end_record(sample);
}

static void reply_addresses(struct sample *sample, struct sample_random *random)
{
	bool is_ipv6 = sample_random_below(random, 2);
	uint32_t count = 1 + sample_random_below(random, sample_random_below(random, 8) ? 4 : 60);

	for (; count; count--)
		add_answer(sample, random, is_ipv6 ? TYPE_AAAA : TYPE_A, is_ipv6 ? 16 : 4);
}

// A chain, each alias in the data of the record before.
static void reply_aliases(struct sample *sample, struct sample_random *random)
{
	uint8_t owner[2] = QUESTION_POINTER;

	for (uint32_t aliases = 1 + sample_random_below(random, 4); aliases; aliases--) {
		size_t target;

		sample_start_record(
			sample, SAMPLE_ANSWER, owner, sizeof(owner), TYPE_CNAME, CLASS_IN, 60);
		target = byte_writer_length(&sample->writer);
		put_name_below_question(sample, random, 1 + sample_random_below(random, 9));
		sample_end_record(sample);
		bytes_store_u16(owner, (uint16_t)(0xc000 | target));
	}
	for (uint32_t count = sample_random_below(random, 4); count; count--) {
		sample_start_record(
			sample, SAMPLE_ANSWER, owner, sizeof(owner), TYPE_A, CLASS_IN, 60);
		put_random_bytes(sample, random, 4);
		sample_end_record(sample);
	}
}

static void reply_texts(struct sample *sample, struct sample_random *random)
{
	uint32_t count = 1 + sample_random_below(random, 6);

	for (; count; count--) {
		uint32_t length = 1 + sample_random_below(random, 250);

		sample_start_record(
			sample, SAMPLE_ANSWER, QUESTION_POINTER, 2, TYPE_TXT, CLASS_IN, 3600);
		put_label(sample, random, length);
		sample_end_record(sample);
	}
}

// Mail servers, and their addresses in the additional section.
static void reply_mail(struct sample *sample, struct sample_random *random)
{
	uint16_t targets[3];
	uint32_t count = 1 + sample_random_below(random, 3);

	for (uint32_t i = 0; i < count; i++) {
		sample_start_record(
			sample, SAMPLE_ANSWER, QUESTION_POINTER, 2, TYPE_MX, CLASS_IN, 3600);
		byte_writer_put_u16(&sample->writer, (uint16_t)(10 * i));
		targets[i] = (uint16_t)(0xc000 | byte_writer_length(&sample->writer));
		put_name_below_question(sample, random, 3 + i);
		sample_end_record(sample);
	}
	for (uint32_t i = 0; i < count; i++) {
		uint8_t owner[2];

		bytes_store_u16(owner, targets[i]);
		sample_start_record(
			sample, SAMPLE_ADDITIONAL, owner, sizeof(owner), TYPE_A, CLASS_IN, 3600);
		put_random_bytes(sample, random, 4);
		sample_end_record(sample);
	}
}

// NXDOMAIN or no data: the zone's SOA, below a name of its own.
static void reply_negative(struct sample *sample, struct sample_random *random)
{
	uint8_t *flags = sample->writer.start + 2;

	if (sample_random_below(random, 2))
		bytes_store_u16(flags, bytes_load_u16(flags) | 3);
	sample_start_record(sample, SAMPLE_AUTHORITY, "\7example\0", 9, TYPE_SOA, CLASS_IN, 900);
	put_name_below_question(sample, random, 2);
	put_label(sample, random, 10);
	byte_writer_put_u8(&sample->writer, 0);
	put_random_bytes(sample, random, 20);
	sample_end_record(sample);
}

static void reply_signed(struct sample *sample, struct sample_random *random)
{
	add_answer(sample, random, TYPE_A, 4);
	add_answer(sample, random, TYPE_RRSIG, 18 + 13 + 64);
	sample_start_record(
		sample, SAMPLE_AUTHORITY, QUESTION_POINTER, 2, TYPE_NS, CLASS_IN, 86400);
	put_name_below_question(sample, random, 3);
	sample_end_record(sample);
	sample_start_record(
		sample, SAMPLE_AUTHORITY, QUESTION_POINTER, 2, TYPE_RRSIG, CLASS_IN, 86400);
	put_random_bytes(sample, random, 18 + 13 + 256);
	sample_end_record(sample);
}

static void reply_unknown_types(struct sample *sample, struct sample_random *random)
{
	for (uint32_t count = 1 + sample_random_below(random, 4); count; count--) {
		uint16_t type = (uint16_t)(TYPE_UNKNOWN + sample_random_below(random, 200));

		add_answer(sample, random, type, sample_random_below(random, 300));
	}
}

// SERVFAIL or REFUSED, with nothing but the question.
static void reply_failure(struct sample *sample, struct sample_random *random)
{
	uint8_t *flags = sample->writer.start + 2;

	bytes_store_u16(flags, bytes_load_u16(flags) | (sample_random_below(random, 2) ? 2 : 5));
}

static void put_records_of_reply(struct sample *sample, struct sample_random *random)
{
	static void (*const shapes[])(struct sample *, struct sample_random *) = {reply_addresses,
		reply_addresses, reply_aliases, reply_texts, reply_mail, reply_negative,
		reply_signed, reply_unknown_types, reply_failure};
	uint32_t shape = sample_random_below(random, BASE_ARRAY_SIZE(shapes));

	shapes[shape](sample, random);
	if (sample_random_below(random, 3))
		add_query_opt(sample, random);
}

void sample_make_good(struct sample *sample, uint64_t seed, enum corpus_kind kind, uint32_t number)
{
	struct sample_random random = {.state = seed ^ (uint64_t)number << 32};

	sample_random_u64(&random);
	sample->record_count = 0;
	byte_writer_put_u16(&sample->writer, (uint16_t)sample_random_u64(&random));
	byte_writer_put_u16(&sample->writer, kind == CORPUS_QUERY ? 0x0100 : 0x8180);
	byte_writer_put_u16(&sample->writer, 1);
	byte_writer_put(&sample->writer, "\0\0\0\0\0\0", 6);
	put_question(sample, &random);
	if (kind == CORPUS_QUERY)
		put_records_of_query(sample, &random);
	else
		put_records_of_reply(sample, &random);
}
