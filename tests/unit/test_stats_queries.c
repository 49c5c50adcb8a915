// SPDX-License-Identifier: BSD-3-Clause
// Records of queries: through the ring, and as text.
#include "unit.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "config/log_directive.h"
#include "stats/query_format.h"
#include "stats/query_ring.h"

static struct query_record example(void)
{
	struct query_record record = {
		.duration = 37990251,
		.id = 29008,
		.type = 1,
		.class_ = 1,
		.flags = 0x81a0,
		.rcode = 0,
		.size = 41,
		.answer_size = 68,
		.bufsize = 4096,
		.name_length = 13,
	};

	memcpy(record.name, "\7eXaMple\3org", 13);
	CU_ASSERT_EQUAL(net_address_parse("::1", &record.client.address), 0);
	CU_ASSERT_EQUAL(net_address_parse("192.0.2.1", &record.local.address), 0);
	record.client.port = 50759;
	return record;
}

static void writes(const char *format, const struct query_record *record, const char *expected)
{
	struct stats_text text = {0};

	query_format_write(&text, format, record);
	stats_text_add(&text, "", 1);
	CU_ASSERT_PTR_NOT_NULL_FATAL(text.bytes);
	if (strcmp(text.bytes, expected) != 0)
		fprintf(stderr, "\nexpected: %s\ngot:      %s\n", expected, text.bytes);
	CU_ASSERT_STRING_EQUAL(text.bytes, expected);
	stats_text_fini(&text);
}

static void test_common(void)
{
	struct query_record record = example();

	writes(CONFIG_LOG_COMMON, &record,
		"[::1]:50759 - 29008 \"A IN example.org. udp 41 false 4096\" NOERROR qr,rd,ra,ad "
		"68 "
		"0.037990251s");
	record.is_stream = true;
	record.do_bit = true;
	record.rcode = 2;
	record.duration = UINT64_C(5000000000);
	writes(CONFIG_LOG_COMBINED, &record,
		"[::1]:50759 - 29008 \"A IN example.org. tcp 41 true 65535\" SERVFAIL qr,rd,ra,ad "
		"68 5s "
		"\"0\"");
}

static void test_placeholders(void)
{
	struct query_record record = example();

	record.flags = 0xffff;
	record.bufsize = 100;
	record.type = 65280;
	record.class_ = 3;
	record.duration = 0;
	writes("{local} {port} {type} {class} {>opcode} {>rflags} {>bufsize} {duration}", &record,
		"192.0.2.1 50759 TYPE65280 CH 15 qr,aa,tc,rd,ra,z,ad,cd 512 0s");
	writes("{nothing} {/meta/x} { {name} } {name {", &record,
		"{nothing} - { example.org. } {name {");
	writes("{/never ends", &record, "{/never ends");
	writes("", &record, "");
	writes("%s%n", &record, "%s%n");
}

// A name may hold anything.
static void test_hostile_name(void)
{
	struct query_record record = example();

	memcpy(record.name, "\3a\n\"\0", 5);
	record.name_length = 5;
	writes("{name}", &record, "a\\010\\\".");
	record.name_length = 3;
	writes("{name}", &record, "-");
}

static void test_failure(void)
{
	struct query_record record = example();
	struct stats_text text = {0};

	record.rcode = 2;
	query_format_write_failure(&text, &record);
	CU_ASSERT_EQUAL(text.length, strlen("2 example.org. A: "));
	CU_ASSERT(memcmp(text.bytes, "2 example.org. A: ", text.length) == 0);
	stats_text_fini(&text);
}

static void test_ring(void)
{
	struct query_ring *ring = query_ring_create(4);

	CU_ASSERT_PTR_NOT_NULL_FATAL(ring);
	CU_ASSERT_PTR_NULL(query_ring_first(ring));
	for (uint16_t round = 0; round < 10; round++) {
		for (uint16_t i = 0; i < 4; i++) {
			struct query_record *record = query_ring_place(ring);

			CU_ASSERT_PTR_NOT_NULL_FATAL(record);
			record->id = 1000;
			// One that is not pushed has never been.
			CU_ASSERT_PTR_EQUAL(query_ring_place(ring), record);
			record->id = i;
			query_ring_push(ring);
		}
		CU_ASSERT_PTR_NULL(query_ring_place(ring));
		for (uint16_t i = 0; i < 4; i++) {
			const struct query_record *record = query_ring_first(ring);

			CU_ASSERT_PTR_NOT_NULL_FATAL(record);
			CU_ASSERT_EQUAL(record->id, i);
			query_ring_pop(ring);
		}
		CU_ASSERT_PTR_NULL(query_ring_first(ring));
	}
	query_ring_destroy(ring);
}

#define PASSED 200000

static void *produce(void *argument)
{
	struct query_ring *ring = argument;

	for (uint64_t i = 0; i < PASSED;) {
		struct query_record *record = query_ring_place(ring);

		if (!record)
			continue;
		record->duration = i;
		record->id = (uint16_t)i;
		query_ring_push(ring);
		i++;
	}
	return NULL;
}

static void test_threads(void)
{
	struct query_ring *ring = query_ring_create(16);
	pthread_t producer;
	uint64_t wrong = 0;

	CU_ASSERT_PTR_NOT_NULL_FATAL(ring);
	CU_ASSERT_EQUAL_FATAL(pthread_create(&producer, NULL, produce, ring), 0);
	for (uint64_t i = 0; i < PASSED;) {
		const struct query_record *record = query_ring_first(ring);

		if (!record)
			continue;
		wrong += record->duration != i || record->id != (uint16_t)i;
		query_ring_pop(ring);
		i++;
	}
	pthread_join(producer, NULL);
	CU_ASSERT_EQUAL(wrong, 0);
	query_ring_destroy(ring);
}

static const struct unit_case cases[] = {
	{"writes the formats with a name", test_common},
	{"writes each placeholder", test_placeholders},
	{"escapes names", test_hostile_name},
	{"writes failures", test_failure},
	{"passes records on in order", test_ring},
	{"passes records on to another thread", test_threads},
};

UNIT_MAIN("stats: queries", cases)
