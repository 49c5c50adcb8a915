// SPDX-License-Identifier: BSD-3-Clause
// The ways in which the corpus damages a good message.
#include "corpus_sample.h"

#define TYPE_TXT 16
#define TYPE_A 1
#define NAME_BYTES_MOST 400 // of a damaged name

// Replaces `old_length` bytes at `offset`. What points behind them points elsewhere then.
static void splice(struct sample *sample, size_t offset, size_t old_length, const void *bytes,
	size_t new_length)
{
	struct byte_writer *writer = &sample->writer;
	size_t length = byte_writer_length(writer);
	size_t behind = offset + old_length;

	if (new_length > old_length && !byte_writer_reserve(writer, new_length - old_length))
		return;
	memmove(writer->start + offset + new_length, writer->start + behind, length - behind);
	memcpy(writer->start + offset, bytes, new_length);
	writer->at = writer->start + length - old_length + new_length;
}

static size_t sample_length(const struct sample *sample)
{
	return byte_writer_length(&sample->writer);
}

static uint8_t *random_byte(struct sample *sample, struct sample_random *random)
{
	return sample->writer.start + sample_random_below(random, (uint32_t)sample_length(sample));
}

static void flip_bits(struct sample *sample, struct sample_random *random)
{
	for (uint32_t left = 1 + sample_random_below(random, 4); left; left--)
		*random_byte(sample, random) ^= (uint8_t)(1U << sample_random_below(random, 8));
}

// Values at which a length or a label type turns into something else.
static void put_limits(struct sample *sample, struct sample_random *random)
{
	static const uint8_t limits[] = {
		0x00, 0x01, 0x3f, 0x40, 0x41, 0x7f, 0x80, 0xbf, 0xc0, 0xc1, 0xfe, 0xff};

	for (uint32_t left = 1 + sample_random_below(random, 3); left; left--)
		*random_byte(sample, random) =
			limits[sample_random_below(random, BASE_ARRAY_SIZE(limits))];
}

static void change_flags(struct sample *sample, struct sample_random *random)
{
	bytes_store_u16(sample->writer.start + 2, (uint16_t)sample_random_u64(random));
}

// Only one count changes, so that more or fewer records are promised than there are.
static void change_one_count(struct sample *sample, struct sample_random *random)
{
	static const uint16_t values[] = {0, 1, 2, 3, 255, 256, 32768, 65535};
	uint8_t *count = sample->writer.start + 4 + 2 * sample_random_below(random, 4);
	uint16_t old = bytes_load_u16(count);
	uint16_t value = values[sample_random_below(random, BASE_ARRAY_SIZE(values))];

	if (sample_random_below(random, 2))
		value = (uint16_t)sample_random_u64(random);
	bytes_store_u16(count, value == old ? (uint16_t)(old + 1) : value);
}

static void add_bytes_behind(struct sample *sample, struct sample_random *random)
{
	for (uint32_t left = 1 + sample_random_below(random, 40); left; left--)
		byte_writer_put_u8(&sample->writer, (uint8_t)sample_random_u64(random));
}

static void add_address(struct sample *sample)
{
	sample_start_record(sample, SAMPLE_ADDITIONAL, "\xc0\x0c", 2, TYPE_A, 1, 60);
	byte_writer_put_u32(&sample->writer, 0xc0000201);
	sample_end_record(sample);
}

// One of the message's records; where it has none, it gets one.
static struct sample_record *random_record(struct sample *sample, struct sample_random *random)
{
	if (sample->record_count == 0)
		add_address(sample);
	return &sample->records[sample_random_below(random, (uint32_t)sample->record_count)];
}

static void change_data_length(struct sample *sample, struct sample_random *random)
{
	const struct sample_record *record = random_record(sample, random);
	uint8_t *length = sample->writer.start + record->fields_offset + 8;
	uint16_t old = bytes_load_u16(length);

	if (sample_random_below(random, 4) == 0)
		bytes_store_u16(length, (uint16_t)sample_random_u64(random));
	else
		bytes_store_u16(length, (uint16_t)(old + sample_random_below(random, 33) - 16));
}

// The last record's data ends behind the message.
static void exceed_with_last_data(struct sample *sample, struct sample_random *random)
{
	const struct sample_record *record;
	uint8_t *length;
	uint32_t more;

	random_record(sample, random);
	record = &sample->records[sample->record_count - 1];
	length = sample->writer.start + record->fields_offset + 8;
	more = 1 + sample_random_below(random, UINT16_MAX - bytes_load_u16(length));
	bytes_store_u16(length, (uint16_t)(bytes_load_u16(length) + more));
}

static size_t put_pointer(uint8_t *name, size_t target)
{
	bytes_store_u16(name, (uint16_t)(0xc000 | target));
	return 2;
}

// A name for `offset` with a pointer that is refused there. Its length.
static size_t make_bad_pointer(uint8_t *name, size_t offset, struct sample_random *random)
{
	size_t labels = 0;

	// Labels first, so that the pointer also goes to those.
	for (uint32_t left = sample_random_below(random, 4); left; left--) {
		name[labels++] = 1;
		name[labels++] = (uint8_t)('a' + sample_random_below(random, 26));
	}
	switch (sample_random_below(random, 6)) {
	case 0: // itself
		return labels + put_pointer(name + labels, offset + labels);
	case 1: // its own name, anywhere
		return labels + put_pointer(name + labels,
					offset + sample_random_below(random, (uint32_t)labels + 2));
	case 2: // forward
		return labels + put_pointer(name + labels,
					offset + labels + 2 + sample_random_below(random, 200));
	case 3: // two that point at each other
		put_pointer(name + labels, offset + labels + 2);
		return labels + 2 + put_pointer(name + labels + 2, offset + labels);
	case 4: // the header
		return labels +
		       put_pointer(name + labels, sample_random_below(random, SAMPLE_HEADER_BYTES));
	default: // far behind the message
		return labels + put_pointer(name + labels, 0x3fff);
	}
}

// A label of a reserved type, perhaps behind good ones (RFC 1035, section 4.1.4).
static size_t make_bad_label(uint8_t *name, size_t offset, struct sample_random *random)
{
	uint32_t type = 0x40 + sample_random_below(random, 0x80);
	size_t length = 0;

	(void)offset;
	for (uint32_t left = sample_random_below(random, 3); left; left--) {
		name[length++] = 1;
		name[length++] = (uint8_t)('a' + sample_random_below(random, 26));
	}
	if (sample_random_below(random, 4) == 0)
		type &= 0xc0; // and what looks like a pointer to the question's name
	name[length++] = (uint8_t)type;
	memset(name + length, SAMPLE_HEADER_BYTES, type);
	length += type;
	name[length++] = 0;
	return length;
}

// From 256 bytes on.
static size_t make_long_name(uint8_t *name, size_t offset, struct sample_random *random)
{
	size_t most = 256 + sample_random_below(random, 100);
	size_t length = 0;

	(void)offset;
	while (length + 1 < most) {
		size_t label = 1 + sample_random_below(random, 63);

		if (length + 1 + label + 1 > most)
			label = most - length - 2;
		if (label == 0)
			break; // one byte left: below, the label before it grows
		name[length] = (uint8_t)label;
		memset(name + length + 1, 'a' + (int)sample_random_below(random, 26), label);
		length += 1 + label;
	}
	while (length < 255) {
		name[length++] = 1;
		name[length++] = 'z';
	}
	name[length++] = 0;
	return length;
}

typedef size_t (*make_name)(uint8_t *name, size_t offset, struct sample_random *random);

static void replace_question_name(
	struct sample *sample, struct sample_random *random, make_name make)
{
	uint8_t name[NAME_BYTES_MOST];
	size_t old_length = sample->question_end - 4 - SAMPLE_HEADER_BYTES;
	size_t length = make(name, SAMPLE_HEADER_BYTES, random);

	splice(sample, SAMPLE_HEADER_BYTES, old_length, name, length);
}

static void replace_record_name(struct sample *sample, struct sample_random *random, make_name make)
{
	uint8_t name[NAME_BYTES_MOST];
	const struct sample_record *record = random_record(sample, random);
	size_t length = make(name, record->name_offset, random);

	splice(sample, record->name_offset, record->fields_offset - record->name_offset, name,
		length);
}

static void bad_pointer_in_question(struct sample *sample, struct sample_random *random)
{
	replace_question_name(sample, random, make_bad_pointer);
}

static void bad_label_in_question(struct sample *sample, struct sample_random *random)
{
	replace_question_name(sample, random, make_bad_label);
}

static void long_name_in_question(struct sample *sample, struct sample_random *random)
{
	replace_question_name(sample, random, make_long_name);
}

static void bad_pointer_in_record(struct sample *sample, struct sample_random *random)
{
	replace_record_name(sample, random, make_bad_pointer);
}

static void bad_label_in_record(struct sample *sample, struct sample_random *random)
{
	replace_record_name(sample, random, make_bad_label);
}

static void long_name_in_record(struct sample *sample, struct sample_random *random)
{
	replace_record_name(sample, random, make_long_name);
}

// A record whose name is too long only with what its pointer goes to.
static void long_name_by_pointer(struct sample *sample, struct sample_random *random)
{
	size_t question_name = sample->question_end - 4 - SAMPLE_HEADER_BYTES;
	const struct sample_record *record = random_record(sample, random);
	uint8_t name[NAME_BYTES_MOST];
	size_t length = 0;

	while (length + question_name <= 255) {
		name[length++] = 1;
		name[length++] = (uint8_t)('a' + sample_random_below(random, 26));
	}
	length += put_pointer(name + length, SAMPLE_HEADER_BYTES);
	splice(sample, record->name_offset, record->fields_offset - record->name_offset, name,
		length);
}

// More pointers behind one another than a name has labels, in the data of a record.
static void long_chain_of_pointers(struct sample *sample, struct sample_random *random)
{
	uint8_t pointer[2];
	size_t target = SAMPLE_HEADER_BYTES;

	sample_start_record(sample, SAMPLE_ADDITIONAL, "\0", 1, TYPE_TXT, 1, 60);
	for (uint32_t left = 128 + sample_random_below(random, 300); left; left--) {
		size_t at = sample_length(sample);

		put_pointer(pointer, target);
		byte_writer_put(&sample->writer, pointer, sizeof(pointer));
		target = at;
	}
	sample_end_record(sample);
	put_pointer(pointer, target);
	sample_start_record(sample, SAMPLE_ADDITIONAL, pointer, sizeof(pointer), TYPE_A, 1, 60);
	byte_writer_put_u32(&sample->writer, 0xc0000201);
	sample_end_record(sample);
}

#define OPT_PLAIN "\0\0\x29\4\xd0\0\0\0\0\0\0" // of 11 bytes

// RFC 6891, section 6.1.1: one OPT, of the root, in the additional section.
static void two_opts(struct sample *sample, struct sample_random *random)
{
	(void)random;
	sample_add_opt(sample, 1232, 0, "", 0);
	sample_add_opt(sample, (uint16_t)sample_random_u64(random), 0, "", 0);
}

static void opt_with_a_name(struct sample *sample, struct sample_random *random)
{
	size_t offset;

	sample_add_opt(sample, 1232, 0, "", 0);
	offset = sample->records[sample->record_count - 1].name_offset;
	if (sample_random_below(random, 2))
		splice(sample, offset, 1, "\xc0\x0c", 2);
	else
		splice(sample, offset, 1, "\1x\0", 3);
}

static void opt_outside_additional(struct sample *sample, struct sample_random *random)
{
	size_t section = sample_random_below(random, 2) ? SAMPLE_ANSWER : SAMPLE_AUTHORITY;
	uint8_t *count;

	// As the first record it is in the first section that has one.
	splice(sample, sample->question_end, 0, OPT_PLAIN, 11);
	count = sample->writer.start + section;
	bytes_store_u16(count, (uint16_t)(bytes_load_u16(count) + 1));
}

static void opt_with_broken_options(struct sample *sample, struct sample_random *random)
{
	uint8_t options[16] = {0, 3, 0, 0, 0, 10, 0, 8, 1, 2, 3, 4, 5, 6, 7, 8};
	uint32_t length = 1 + sample_random_below(random, 15);

	if (length == 4) // just the first option, which is whole
		options[3] = 1;
	sample_add_opt(sample, 1232, 0, options, length);
}

static void opt_of_another_version(struct sample *sample, struct sample_random *random)
{
	uint32_t version = 1 + sample_random_below(random, 255);

	// Where the message has an OPT already this makes two of it.
	sample_add_opt(sample, 1232, version << 16, "", 0);
}

static void replace_all_by_random_bytes(struct sample *sample, struct sample_random *random)
{
	uint32_t length = sample_random_below(random, 600);

	sample->writer.at = sample->writer.start;
	for (; length; length--)
		byte_writer_put_u8(&sample->writer, (uint8_t)sample_random_u64(random));
}

static void random_bytes_behind_the_header(struct sample *sample, struct sample_random *random)
{
	uint32_t length = sample_random_below(random, 600);

	sample->writer.at = sample->writer.start + SAMPLE_HEADER_BYTES;
	for (; length; length--)
		byte_writer_put_u8(&sample->writer, (uint8_t)sample_random_u64(random));
}

static void random_bytes_behind_the_question(struct sample *sample, struct sample_random *random)
{
	uint32_t length = sample_random_below(random, 300);

	sample->writer.at = sample->writer.start + sample->question_end;
	for (; length; length--)
		byte_writer_put_u8(&sample->writer, (uint8_t)sample_random_u64(random));
}

const struct sample_damage sample_damages[] = {
	{"bits flipped", flip_bits, false},
	{"bytes at limits", put_limits, false},
	{"flags changed", change_flags, false},
	{"one count changed", change_one_count, true},
	{"bytes behind the last record", add_bytes_behind, true},
	{"data length changed", change_data_length, false},
	{"last data past the end", exceed_with_last_data, true},
	{"bad pointer in the question", bad_pointer_in_question, true},
	{"bad label in the question", bad_label_in_question, true},
	{"name too long in the question", long_name_in_question, true},
	{"bad pointer in a record", bad_pointer_in_record, true},
	{"bad label in a record", bad_label_in_record, true},
	{"name too long in a record", long_name_in_record, true},
	{"name too long by a pointer", long_name_by_pointer, true},
	{"chain of pointers", long_chain_of_pointers, true},
	{"two OPT records", two_opts, true},
	{"OPT with a name", opt_with_a_name, true},
	{"OPT outside additional", opt_outside_additional, true},
	{"OPT with broken options", opt_with_broken_options, true},
	{"OPT of another version", opt_of_another_version, false},
	{"random bytes", replace_all_by_random_bytes, false},
	{"random bytes behind the header", random_bytes_behind_the_header, false},
	{"random bytes behind the question", random_bytes_behind_the_question, false},
};

const size_t sample_damage_count = BASE_ARRAY_SIZE(sample_damages);
