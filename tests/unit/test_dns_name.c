// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "dns/name.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static void expect_text(const char *text, const char *formatted, unsigned int label_count)
{
	struct dns_name name;
	char buffer[DNS_NAME_TEXT];

	CU_ASSERT_EQUAL_FATAL(dns_name_parse_text(&name, text), 0);
	CU_ASSERT_STRING_EQUAL(dns_name_format(&name, buffer), formatted);
	CU_ASSERT_EQUAL(name.label_count, label_count);
}

static void text_is_read_and_written(void)
{
	expect_text("example.org", "example.org.", 2);
	expect_text("example.org.", "example.org.", 2);
	expect_text("EXample.Org", "EXample.Org.", 2);
	expect_text(".", ".", 0);
	expect_text("_dns._udp.a-b", "_dns._udp.a-b.", 3);
}

static void text_escapes_are_read_and_written(void)
{
	struct dns_name name;

	expect_text("a\\.b.c", "a\\.b.c.", 2);
	expect_text("\\032\\000\\255x", "\\032\\000\\255x.", 1);
	expect_text("\\ y", "\\032y.", 1);
	expect_text("\\097\\\\", "a\\\\.", 1);
	expect_text("a\"b;c(d)e@f$g", "a\\\"b\\;c\\(d\\)e\\@f\\$g.", 1);
	CU_ASSERT_EQUAL_FATAL(dns_name_parse_text(&name, "\\001\\..b"), 0);
	CU_ASSERT_EQUAL(name.length, 6);
	CU_ASSERT_EQUAL(memcmp(name.wire,
				"\x02\x01.\x01"
				"b\x00",
				name.length),
		0);
}

static void text_that_is_no_name_is_refused(void)
{
	static const char *const bad[] = {"", "..", ".a", "a..", "a..b", "\\", "a\\", "\\1", "\\12",
		"\\12a", "\\256", "\\999", "a b", "a\tb", "\x7f", "caf\xc3\xa9"};
	struct dns_name name;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(bad); i++)
		CU_ASSERT_EQUAL(dns_name_parse_text(&name, bad[i]), -EINVAL);
}

static void text_labels_end_at_63_bytes(void)
{
	struct dns_name name;
	char text[DNS_LABEL_BYTES + 2] = {0};

	memset(text, 'a', DNS_LABEL_BYTES);
	CU_ASSERT_EQUAL(dns_name_parse_text(&name, text), 0);
	CU_ASSERT_EQUAL(name.length, 65);
	text[DNS_LABEL_BYTES] = 'a';
	CU_ASSERT_EQUAL(dns_name_parse_text(&name, text), -EINVAL);
}

// `length` bytes of wire format as labels of at most `most` bytes each, without the root.
static size_t make_labels(uint8_t *wire, size_t length, size_t most)
{
	size_t at = 0;

	while (at < length) {
		size_t label = length - at - 1 < most ? length - at - 1 : most;

		if (length - at - 1 - label == 1)
			label--; // the next one would have no byte for its text
		wire[at] = (uint8_t)label;
		memset(wire + at + 1, 'a', label);
		at += 1 + label;
	}
	return at;
}

static void text_names_end_at_255_bytes(void)
{
	struct dns_name name;
	struct dns_name again;
	char text[DNS_NAME_TEXT];

	make_labels(name.wire, 254, DNS_LABEL_BYTES);
	name.wire[254] = 0;
	name.length = 255;
	dns_name_format(&name, text);
	CU_ASSERT_EQUAL_FATAL(dns_name_parse_text(&again, text), 0);
	CU_ASSERT_EQUAL(again.length, 255);
	CU_ASSERT_TRUE(dns_name_equal(&name, &again));
	text[strlen(text) - 1] = 'a'; // one more byte, in place of the last dot
	CU_ASSERT_EQUAL(dns_name_parse_text(&again, text), -EINVAL);
	memcpy(text + strlen(text) - 1, ".b", 3);
	CU_ASSERT_EQUAL(dns_name_parse_text(&again, text), -EINVAL);
}

static void text_of_any_name_fits_its_buffer(void)
{
	struct dns_name name = {.length = 255};
	struct dns_name again;
	char text[DNS_NAME_TEXT];

	make_labels(name.wire, 254, DNS_LABEL_BYTES);
	for (size_t at = 0; name.wire[at]; at += 1U + name.wire[at])
		memset(name.wire + at + 1, 0xff, name.wire[at]);
	dns_name_format(&name, text);
	CU_ASSERT_EQUAL(strlen(text), 250 * 4 + 4);
	CU_ASSERT_EQUAL_FATAL(dns_name_parse_text(&again, text), 0);
	CU_ASSERT_EQUAL(memcmp(again.wire, name.wire, 255), 0);
}

static void names_become_lower_case(void)
{
	struct dns_name name;
	uint8_t all[254];

	for (int first = 0; first < 256; first++) {
		name.length = DNS_NAME_BYTES;
		for (size_t i = 0; i < sizeof(all); i++) {
			all[i] = (uint8_t)(first + i);
			name.wire[i] = all[i];
		}
		name.wire[254] = 'Z';
		dns_name_make_lower_case(&name);
		for (size_t i = 0; i < sizeof(all); i++) {
			uint8_t lower = all[i] >= 'A' && all[i] <= 'Z' ? all[i] + 32 : all[i];

			CU_ASSERT_EQUAL(name.wire[i], lower);
		}
		CU_ASSERT_EQUAL(name.wire[254], 'z');
	}
}

static void lower_case_ends_with_the_name(void)
{
	struct dns_name name;

	for (unsigned int length = 0; length < 20; length++) {
		memset(name.wire, 'X', sizeof(name.wire));
		name.length = (uint8_t)length;
		dns_name_make_lower_case(&name);
		for (unsigned int i = 0; i < 40; i++)
			CU_ASSERT_EQUAL(name.wire[i], i < length ? 'x' : 'X');
	}
}

static uint8_t byte_lower(uint8_t byte)
{
	return byte >= 'A' && byte <= 'Z' ? byte + 32 : byte;
}

// Every pair of bytes, at every place of every length up to 40, in exact-size buffers.
static void bytes_compare_without_case(void)
{
	unsigned int wrong = 0;

	for (size_t length = 0; length <= 40; length++) {
		uint8_t *a = malloc(length ? length : 1);
		uint8_t *b = malloc(length ? length : 1);

		CU_ASSERT_PTR_NOT_NULL_FATAL(a);
		CU_ASSERT_PTR_NOT_NULL_FATAL(b);
		memset(a, 'q', length ? length : 1);
		memset(b, 'Q', length ? length : 1);
		wrong += !dns_name_bytes_equal(a, b, length);
		for (size_t at = 0; at < length; at++) {
			for (unsigned int pair = 0; pair < 65536; pair += length == 17 ? 1 : 61) {
				a[at] = (uint8_t)pair;
				b[at] = (uint8_t)(pair >> 8);
				wrong += dns_name_bytes_equal(a, b, length) !=
					 (byte_lower(a[at]) == byte_lower(b[at]));
			}
			a[at] = 'q';
			b[at] = 'Q';
		}
		free(a);
		free(b);
	}
	CU_ASSERT_EQUAL(wrong, 0);
}

static struct dns_name name_of(const char *text)
{
	struct dns_name name;

	CU_ASSERT_EQUAL_FATAL(dns_name_parse_text(&name, text), 0);
	return name;
}

static bool is_below(const char *name_text, const char *zone_text)
{
	struct dns_name name = name_of(name_text);
	struct dns_name zone = name_of(zone_text);

	return dns_name_is_below(&name, &zone);
}

static void names_are_below_zones_by_label(void)
{
	CU_ASSERT_TRUE(is_below("example.org", "example.org"));
	CU_ASSERT_TRUE(is_below("a.b.EXAMPLE.org", "example.ORG"));
	CU_ASSERT_TRUE(is_below("example.org", "."));
	CU_ASSERT_TRUE(is_below(".", "."));
	CU_ASSERT_FALSE(is_below(".", "org"));
	CU_ASSERT_FALSE(is_below("org", "example.org"));
	CU_ASSERT_FALSE(is_below("badexample.org", "example.org"));
	CU_ASSERT_FALSE(is_below("a.example.net", "example.org"));
	// The zone's bytes end the name's, but in the middle of its label.
	CU_ASSERT_FALSE(is_below("x\\007example\\003org", "example.org"));
	CU_ASSERT_FALSE(is_below("y.x\\003org", "org"));
}

static void names_equal_without_case(void)
{
	struct dns_name a = name_of("www.Example.ORG");
	struct dns_name b = name_of("WWW.eXample.org.");
	struct dns_name c = name_of("www.example.or");
	struct dns_name d = name_of("www\\.example.org");

	CU_ASSERT_TRUE(dns_name_equal(&a, &b));
	CU_ASSERT_FALSE(dns_name_equal(&a, &c));
	CU_ASSERT_FALSE(dns_name_equal(&a, &d));
}

// Reads the name at `offset` of a heap copy of just `length` bytes, and skips it, and expects
// both to agree. The offset behind it, or -EBADMSG.
static int read_at(const void *bytes, size_t length, size_t offset, struct dns_name *name)
{
	uint8_t *copy = malloc(length ? length : 1);
	struct byte_reader reader;
	struct byte_reader skipper;
	int error;

	CU_ASSERT_PTR_NOT_NULL_FATAL(copy);
	memcpy(copy, bytes, length);
	reader = byte_reader_make(copy, length);
	byte_reader_seek(&reader, offset);
	skipper = reader;
	error = dns_name_read(&reader, name);
	CU_ASSERT_EQUAL(dns_name_skip(&skipper), error);
	CU_ASSERT_EQUAL(skipper.at, reader.at);
	CU_ASSERT_EQUAL(skipper.failed, error != 0);
	CU_ASSERT_EQUAL(reader.failed, error != 0);
	if (error)
		CU_ASSERT_EQUAL(byte_reader_left(&reader), 0);
	free(copy);
	return error ? error : (int)byte_reader_offset(&reader);
}

#define HEADER "HHHHHHHHHHHH"
#define READ(wire, offset, name) read_at(wire, sizeof(wire) - 1, offset, name)

static void expect_read(
	const void *bytes, size_t length, size_t offset, int end, const char *formatted)
{
	struct dns_name name;
	struct dns_name same = name_of(formatted);
	char text[DNS_NAME_TEXT];

	CU_ASSERT_EQUAL_FATAL(read_at(bytes, length, offset, &name), end);
	CU_ASSERT_STRING_EQUAL(dns_name_format(&name, text), formatted);
	CU_ASSERT_EQUAL(name.label_count, same.label_count);
	CU_ASSERT_EQUAL(name.length, same.length);
}

static void wire_names_follow_pointers_back(void)
{
	static const char wire[] = HEADER "\3www\7example\3ORG\0" // 12; example at 16
					  "\4mail\xc0\x10" // 29
					  "\xc0\x1d" // 36
					  "\1a\1b\xc0\x24" // 38
					  "\xc0\x1c"; // 44, to the root byte

	expect_read(wire, sizeof(wire) - 1, 12, 29, "www.example.ORG.");
	expect_read(wire, sizeof(wire) - 1, 29, 36, "mail.example.ORG.");
	expect_read(wire, sizeof(wire) - 1, 36, 38, "mail.example.ORG.");
	expect_read(wire, sizeof(wire) - 1, 38, 44, "a.b.mail.example.ORG.");
	expect_read(wire, sizeof(wire) - 1, 44, 46, ".");
}

static void wire_names_keep_every_byte(void)
{
	static const char wire[] = HEADER "\4.\0\\\xff\0";

	expect_read(wire, sizeof(wire) - 1, 12, 18, "\\.\\000\\\\\\255.");
}

static void wire_pointers_never_point_forward_or_at_themselves(void)
{
	struct dns_name name;

	CU_ASSERT_EQUAL(READ(HEADER "\xc0\x0c", 12, &name), -EBADMSG); // self
	CU_ASSERT_EQUAL(READ(HEADER "\xc0\x0e\0", 12, &name), -EBADMSG); // forward
	CU_ASSERT_EQUAL(READ(HEADER "\xc0\x0d\0", 12, &name), -EBADMSG); // its own second byte
	CU_ASSERT_EQUAL(READ(HEADER "\1a\xc0\x0c", 12, &name), -EBADMSG); // own name
	CU_ASSERT_EQUAL(READ(HEADER "\2a\0\xc0\x0e", 12, &name), -EBADMSG); // inside own label
	CU_ASSERT_EQUAL(READ(HEADER "\xc0\xff\0", 12, &name), -EBADMSG); // past the end
	CU_ASSERT_EQUAL(READ(HEADER "\xff\xff\0", 12, &name), -EBADMSG);
}

static void wire_pointers_never_loop(void)
{
	struct dns_name name;

	// Two that point at each other, read from either.
	CU_ASSERT_EQUAL(READ(HEADER "\xc0\x0e\xc0\x0c", 12, &name), -EBADMSG);
	CU_ASSERT_EQUAL(READ(HEADER "\xc0\x0e\xc0\x0c", 14, &name), -EBADMSG);
	// Back into a name that comes forward again to where we were.
	CU_ASSERT_EQUAL(READ(HEADER "\1a\xc0\x10\1b\xc0\x0c", 16, &name), -EBADMSG);
	// Back to just before the pointer itself, which that run comes to again.
	CU_ASSERT_EQUAL(READ(HEADER "\1a\1b\xc0\x0e", 16, &name), -EBADMSG);
}

static void wire_pointers_into_the_header_are_refused(void)
{
	static const char wire[] = "\0\0\0\0\0\0\0\0\0\0\0\0"
				   "\xc0\x0b\xc0\x00";
	struct dns_name name;

	CU_ASSERT_EQUAL(READ(wire, 12, &name), -EBADMSG);
	CU_ASSERT_EQUAL(READ(wire, 14, &name), -EBADMSG);
}

static void wire_label_types_in_reserve_are_refused(void)
{
	struct dns_name name;
	char wire[] = HEADER "?aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa";

	CU_ASSERT_EQUAL(read_at(wire, sizeof(wire), 12, &name), (int)sizeof(wire)); // 63 bytes
	for (unsigned int type = 0x40; type < 0xc0; type++) {
		wire[12] = (char)type;
		CU_ASSERT_EQUAL(read_at(wire, sizeof(wire), 12, &name), -EBADMSG);
	}
	// What a pointer of these bits would go to is a good name.
	CU_ASSERT_EQUAL(READ(HEADER "\0\xc0\x0c", 13, &name), 15);
	CU_ASSERT_EQUAL(READ(HEADER "\0\x80\x0c", 13, &name), -EBADMSG);
	CU_ASSERT_EQUAL(READ(HEADER "\0\x40\x0c", 13, &name), -EBADMSG);
}

static void wire_names_end_at_255_bytes(void)
{
	uint8_t wire[DNS_HEADER_BYTES + 512] = {0};
	uint8_t *at = wire + DNS_HEADER_BYTES;
	struct dns_name name;

	// In one piece.
	CU_ASSERT_EQUAL_FATAL(make_labels(at, 254, 1), 254);
	CU_ASSERT_EQUAL(read_at(wire, sizeof(wire), DNS_HEADER_BYTES, &name), 12 + 255);
	CU_ASSERT_EQUAL(name.length, 255);
	CU_ASSERT_EQUAL(name.label_count, 127);
	CU_ASSERT_EQUAL_FATAL(make_labels(at, 255, 63), 255);
	CU_ASSERT_EQUAL(read_at(wire, sizeof(wire), DNS_HEADER_BYTES, &name), -EBADMSG);
	// In two pieces: 200 bytes and the root at 12, then labels and a pointer there.
	memset(wire, 0, sizeof(wire));
	make_labels(at, 200, 63);
	make_labels(at + 201, 54, 63);
	memcpy(at + 201 + 54, "\xc0\x0c", 2);
	CU_ASSERT_EQUAL(read_at(wire, sizeof(wire), 12 + 201, &name), 12 + 201 + 54 + 2);
	CU_ASSERT_EQUAL(name.length, 255);
	make_labels(at + 201, 55, 63);
	memcpy(at + 201 + 55, "\xc0\x0c", 2);
	CU_ASSERT_EQUAL(read_at(wire, sizeof(wire), 12 + 201, &name), -EBADMSG);
}

static void wire_pointers_have_a_limit(void)
{
	uint8_t wire[DNS_HEADER_BYTES + 1 + 2 * (DNS_NAME_POINTERS + 1)] = {0};
	struct dns_name name;
	size_t at = DNS_HEADER_BYTES + 1;
	size_t target = DNS_HEADER_BYTES;

	for (int pointers = 1; pointers <= DNS_NAME_POINTERS + 1; pointers++) {
		int end = (int)at + 2;

		wire[at] = (uint8_t)(0xc0 | target >> 8);
		wire[at + 1] = (uint8_t)target;
		CU_ASSERT_EQUAL(read_at(wire, sizeof(wire), at, &name),
			pointers <= DNS_NAME_POINTERS ? end : -EBADMSG);
		target = at;
		at += 2;
	}
}

static void wire_names_share_their_steps(void)
{
	static const char wire[] = HEADER "\1a\1b\0\1c\xc0\x0c\xc0\x11";
	struct byte_reader reader = byte_reader_make(wire, sizeof(wire) - 1);
	uint32_t steps_left = 7;

	byte_reader_seek(&reader, DNS_HEADER_BYTES);
	CU_ASSERT_EQUAL(dns_name_skip_in_steps(&reader, &steps_left), 0);
	CU_ASSERT_EQUAL(steps_left, 7); // no pointer
	CU_ASSERT_EQUAL(dns_name_skip_in_steps(&reader, &steps_left), 0);
	CU_ASSERT_EQUAL(steps_left, 4); // a pointer and two labels
	CU_ASSERT_EQUAL(dns_name_skip_in_steps(&reader, &steps_left), -EBADMSG);
	CU_ASSERT_TRUE(reader.failed);
	steps_left = 5;
	reader = byte_reader_make(wire, sizeof(wire) - 1);
	byte_reader_seek(&reader, 21);
	CU_ASSERT_EQUAL(dns_name_skip_in_steps(&reader, &steps_left), 0);
	CU_ASSERT_EQUAL(steps_left, 0); // two pointers and three labels
}

static void wire_names_cut_anywhere_are_refused(void)
{
	static const char wire[] = HEADER "\3www\7example\3org\0\4mail\xc0\x10";
	struct dns_name name;

	for (size_t length = 12; length < 29; length++)
		CU_ASSERT_EQUAL(read_at(wire, length, 12, &name), -EBADMSG);
	for (size_t length = 29; length < 36; length++)
		CU_ASSERT_EQUAL(read_at(wire, length, 29, &name), -EBADMSG);
	CU_ASSERT_EQUAL(read_at(wire, 36, 29, &name), 36);
}

static void uncompressed_names_have_no_pointer(void)
{
	static const char *const good[] = {"\3www\0", "\0"};
	struct byte_reader reader;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(good); i++) {
		reader = byte_reader_make(good[i], strlen(good[i]) + 1);
		CU_ASSERT_EQUAL(dns_name_skip_uncompressed(&reader), 0);
		CU_ASSERT_EQUAL(byte_reader_left(&reader), 0);
	}
	reader = byte_reader_make(HEADER "\0\xc0\x0c", 15);
	byte_reader_seek(&reader, 13);
	CU_ASSERT_EQUAL(dns_name_skip_uncompressed(&reader), -EBADMSG);
	CU_ASSERT_TRUE(reader.failed);
	reader = byte_reader_make("\3ww", 3);
	CU_ASSERT_EQUAL(dns_name_skip_uncompressed(&reader), -EBADMSG);
	reader = byte_reader_make("\3www", 4);
	CU_ASSERT_EQUAL(dns_name_skip_uncompressed(&reader), -EBADMSG);
	reader = byte_reader_make("\x41www", 4);
	CU_ASSERT_EQUAL(dns_name_skip_uncompressed(&reader), -EBADMSG);
}

static const struct unit_case cases[] = {
	{"text is read and written", text_is_read_and_written},
	{"text escapes are read and written", text_escapes_are_read_and_written},
	{"text that is no name is refused", text_that_is_no_name_is_refused},
	{"text labels end at 63 bytes", text_labels_end_at_63_bytes},
	{"text names end at 255 bytes", text_names_end_at_255_bytes},
	{"text of any name fits its buffer", text_of_any_name_fits_its_buffer},
	{"names become lower case", names_become_lower_case},
	{"lower case ends with the name", lower_case_ends_with_the_name},
	{"bytes compare without case", bytes_compare_without_case},
	{"names are below zones by label", names_are_below_zones_by_label},
	{"names equal without case", names_equal_without_case},
	{"wire names follow pointers back", wire_names_follow_pointers_back},
	{"wire names keep every byte", wire_names_keep_every_byte},
	{"pointers never point forward", wire_pointers_never_point_forward_or_at_themselves},
	{"pointers never loop", wire_pointers_never_loop},
	{"pointers into the header are refused", wire_pointers_into_the_header_are_refused},
	{"reserved label types are refused", wire_label_types_in_reserve_are_refused},
	{"wire names end at 255 bytes", wire_names_end_at_255_bytes},
	{"pointers have a limit", wire_pointers_have_a_limit},
	{"wire names share their steps", wire_names_share_their_steps},
	{"wire names cut anywhere are refused", wire_names_cut_anywhere_are_refused},
	{"uncompressed names have no pointer", uncompressed_names_have_no_pointer},
};

UNIT_MAIN("dns name", cases)
