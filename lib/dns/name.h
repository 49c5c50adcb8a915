// SPDX-License-Identifier: BSD-3-Clause
// Domain names (RFC 1035, section 3.1; RFC 4343 on case). Any lcore.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/bytes.h"

#define DNS_HEADER_BYTES 12 // of a message: no name starts in it
#define DNS_NAME_BYTES 255 // a whole name in wire format, with the root's zero
#define DNS_LABEL_BYTES 63
#define DNS_NAME_POINTERS 127 // more than a name of 255 bytes has labels to point at
#define DNS_NAME_TEXT 1024 // bytes that hold any name as text, escapes, last dot and zero

// A name in wire format, not compressed.
struct dns_name {
	uint8_t length; // bytes in use, 1 to 255
	uint8_t label_count; // without the root
	uint8_t wire[DNS_NAME_BYTES];
};

// From text ("example.org", "example.org.", "\." and "\032" escapes, "." is the root), in the
// case it has. What is not printable ASCII must be escaped. 0, or -EINVAL.
int dns_name_parse_text(struct dns_name *name, const char *text);

// Returns `text`, with a last dot, escaped as RFC 1035 section 5.1 has it.
const char *dns_name_format(const struct dns_name *name, char text[DNS_NAME_TEXT]);

void dns_name_make_lower_case(struct dns_name *name);

// Reads the name at the reader, following compression, with the reader left behind it; the reader
// starts at the message's header. A pointer must point before the run of labels that it ends (so
// no loop and no forward pointer can be) and behind the header (whose bytes we change); a name
// has at most DNS_NAME_POINTERS of them and 255 bytes, or the reader fails. 0, or -EBADMSG.
int dns_name_read(struct byte_reader *reader, struct dns_name *name);

// The same checks without the copy: for records that are only walked over.
int dns_name_skip(struct byte_reader *reader);

// The same, within a number of steps that many names share: each pointer and each label behind
// one takes a step from `steps_left`, so that a message full of names that point at one long name
// does not cost the product of both. Fails when they are used up.
int dns_name_skip_in_steps(struct byte_reader *reader, uint32_t *steps_left);

// dns_name_read() within such a number of steps.
int dns_name_read_in_steps(struct byte_reader *reader, struct dns_name *name, uint32_t *steps_left);

// dns_name_skip() for a name that may have no pointer, at a reader that may start anywhere.
int dns_name_skip_uncompressed(struct byte_reader *reader);

// Compares `length` bytes of two names in wire format without case. Label lengths are below
// 'A', so bytes fold like text.
bool dns_name_bytes_equal(const uint8_t *a, const uint8_t *b, size_t length);

// True if `name` is `zone` or below it.
bool dns_name_is_below(const struct dns_name *name, const struct dns_name *zone);

bool dns_name_equal(const struct dns_name *a, const struct dns_name *b);
