// SPDX-License-Identifier: BSD-3-Clause
// What becomes of the addresses of a host name, and when it is asked again.
#include "unit.h"

#include "names/record.h"

#include <stdlib.h>
#include <string.h>

#define NOW (1000 * CLOCK_SECOND)
#define ADDRESSES_MOST 8

struct answers {
	struct net_address addresses[NAMES_VERSIONS][ADDRESSES_MOST];
	struct names_answer list[NAMES_VERSIONS];
};

// "192.0.2.1 192.0.2.2" with a TTL; or one of the outcomes, with why.
static void answer_with(
	struct answers *answers, enum names_version version, uint32_t ttl, const char *text)
{
	struct names_answer *answer = &answers->list[version];
	char copy[256];
	char *rest = copy;
	char *word;

	*answer = (struct names_answer){
		.outcome = NAMES_ANSWERED, .ttl = ttl, .addresses = answers->addresses[version]};
	snprintf(copy, sizeof(copy), "%s", text);
	while ((word = strsep(&rest, " ")))
		CU_ASSERT_EQUAL(net_address_parse(word, &answer->addresses[answer->count++]), 0);
}

static void answer_without(struct answers *answers, enum names_version version,
	enum names_outcome outcome, const char *why)
{
	answers->list[version] = (struct names_answer){.outcome = outcome, .why = why};
}

static int take(struct names_record *record, const struct answers *answers, uint64_t now)
{
	struct names_list before = {0};
	int changed = names_record_take(record, answers->list, now, &before);

	free(before.addresses);
	return changed;
}

static void expect_known(const struct names_record *record, const char *expected)
{
	char text[256] = "";
	char address[NET_ADDRESS_TEXT];

	for (size_t i = 0; i < record->known.count; i++) {
		size_t length = strlen(text);

		snprintf(text + length, sizeof(text) - length, "%s%s", i ? " " : "",
			net_address_format(&record->known.addresses[i], address));
	}
	CU_ASSERT_STRING_EQUAL(text, expected);
}

static void addresses_stand_in_order_each_once(void)
{
	struct names_record record = {0};
	struct answers answers;

	answer_with(&answers, NAMES_IPV4, 60, "192.0.2.9 192.0.2.1 192.0.2.9");
	answer_with(&answers, NAMES_IPV6, 60, "2001:db8::2 2001:db8::1");
	CU_ASSERT_EQUAL(take(&record, &answers, NOW), 1);
	expect_known(&record, "192.0.2.1 192.0.2.9 2001:db8::1 2001:db8::2");
	// Another order of the same is no change.
	answer_with(&answers, NAMES_IPV4, 60, "192.0.2.1 192.0.2.9");
	CU_ASSERT_EQUAL(take(&record, &answers, NOW), 0);
	CU_ASSERT_PTR_NULL(record.why);
	free(record.known.addresses);
}

static void the_ones_before_are_handed_over(void)
{
	struct names_record record = {0};
	struct names_list before = {0};
	struct answers answers;

	answer_with(&answers, NAMES_IPV4, 60, "192.0.2.1 192.0.2.2");
	answer_without(&answers, NAMES_IPV6, NAMES_EMPTY, "none");
	CU_ASSERT_EQUAL(take(&record, &answers, NOW), 1);
	answer_with(&answers, NAMES_IPV4, 60, "192.0.2.2 192.0.2.3");
	CU_ASSERT_EQUAL(names_record_take(&record, answers.list, NOW, &before), 1);
	CU_ASSERT_EQUAL(before.count, 2);
	CU_ASSERT_FALSE(names_list_has(&before, &record.known.addresses[1]));
	CU_ASSERT_TRUE(names_list_has(&before, &record.known.addresses[0]));
	free(before.addresses);
	free(record.known.addresses);
}

static void the_shortest_ttl_counts_within_bounds(void)
{
	static const struct {
		uint32_t ttls[NAMES_VERSIONS];
		uint64_t pause;
	} cases[] = {{{300, 20}, 20}, {{7, 300}, 7}, {{0, 300}, NAMES_TTL_LEAST}, {{1, 1}, 1},
		{{86400, 90000}, NAMES_TTL_MOST}, {{UINT32_MAX, UINT32_MAX}, NAMES_TTL_MOST}};
	struct names_record record = {0};
	struct answers answers;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(cases); i++) {
		answer_with(&answers, NAMES_IPV4, cases[i].ttls[0], "192.0.2.1");
		answer_with(&answers, NAMES_IPV6, cases[i].ttls[1], "2001:db8::1");
		(void)take(&record, &answers, NOW);
		CU_ASSERT_EQUAL(record.due, NOW + cases[i].pause * CLOCK_SECOND);
	}
	free(record.known.addresses);
}

// Takes a failure each time it is due, and notes the pauses.
static void failures_are_retried_later_and_later(void)
{
	static const uint64_t pauses[] = {1, 2, 4, 8, 16, 30, 30};
	struct names_record record = {0};
	struct answers answers;
	uint64_t now = NOW;

	answer_without(&answers, NAMES_IPV4, NAMES_FAILED, "silent");
	answer_without(&answers, NAMES_IPV6, NAMES_FAILED, "silent");
	for (size_t i = 0; i < BASE_ARRAY_SIZE(pauses); i++) {
		CU_ASSERT_EQUAL(take(&record, &answers, now), 0);
		CU_ASSERT_EQUAL(record.due, now + pauses[i] * CLOCK_SECOND);
		CU_ASSERT_STRING_EQUAL(record.why, "silent");
		now = record.due;
	}
	answer_with(&answers, NAMES_IPV4, 60, "192.0.2.1");
	answer_without(&answers, NAMES_IPV6, NAMES_EMPTY, "none");
	CU_ASSERT_EQUAL(take(&record, &answers, now), 1);
	CU_ASSERT_PTR_NULL(record.why);
	CU_ASSERT_EQUAL(record.due, now + 60 * CLOCK_SECOND);
	// It begins anew.
	answer_without(&answers, NAMES_IPV4, NAMES_FAILED, "silent");
	(void)take(&record, &answers, now);
	CU_ASSERT_EQUAL(record.due, now + CLOCK_SECOND);
	free(record.known.addresses);
}

static void what_fails_keeps_what_is_known(void)
{
	struct names_record record = {0};
	struct answers answers;

	answer_with(&answers, NAMES_IPV4, 60, "192.0.2.1");
	answer_with(&answers, NAMES_IPV6, 60, "2001:db8::1");
	(void)take(&record, &answers, NOW);
	answer_without(&answers, NAMES_IPV4, NAMES_FAILED, "SERVFAIL");
	answer_without(&answers, NAMES_IPV6, NAMES_FAILED, "SERVFAIL");
	CU_ASSERT_EQUAL(take(&record, &answers, NOW), 0);
	expect_known(&record, "192.0.2.1 2001:db8::1");
	// One version alone: the other follows.
	answer_with(&answers, NAMES_IPV6, 5, "2001:db8::2");
	CU_ASSERT_EQUAL(take(&record, &answers, NOW), 1);
	expect_known(&record, "192.0.2.1 2001:db8::2");
	CU_ASSERT_STRING_EQUAL(record.why, "SERVFAIL");
	CU_ASSERT_EQUAL(record.due, NOW + 2 * CLOCK_SECOND);
	// A name that has no more addresses of one version has none.
	answer_with(&answers, NAMES_IPV4, 60, "192.0.2.1");
	answer_without(&answers, NAMES_IPV6, NAMES_EMPTY, "none");
	CU_ASSERT_EQUAL(take(&record, &answers, NOW), 1);
	expect_known(&record, "192.0.2.1");
	free(record.known.addresses);
}

// A TTL that ends before the next try after a failure counts.
static void one_version_that_always_fails_delays_no_change(void)
{
	struct names_record record = {0};
	struct answers answers;

	answer_with(&answers, NAMES_IPV4, 3, "192.0.2.1");
	answer_without(&answers, NAMES_IPV6, NAMES_FAILED, "silent");
	for (int i = 0; i < 10; i++)
		(void)take(&record, &answers, NOW);
	CU_ASSERT_EQUAL(record.due, NOW + 3 * CLOCK_SECOND);
	free(record.known.addresses);
}

static void a_name_that_is_gone_keeps_its_addresses(void)
{
	struct names_record record = {0};
	struct answers answers;

	answer_with(&answers, NAMES_IPV4, 60, "192.0.2.1");
	answer_without(&answers, NAMES_IPV6, NAMES_EMPTY, "none");
	(void)take(&record, &answers, NOW);
	answer_without(&answers, NAMES_IPV4, NAMES_EMPTY, "no such name");
	answer_without(&answers, NAMES_IPV6, NAMES_EMPTY, "no such name");
	CU_ASSERT_EQUAL(take(&record, &answers, NOW), 0);
	expect_known(&record, "192.0.2.1");
	CU_ASSERT_STRING_EQUAL(record.why, "no such name");
	CU_ASSERT_EQUAL(record.due, NOW + CLOCK_SECOND);
	// With nothing known, nothing comes of it.
	free(record.known.addresses);
	record = (struct names_record){0};
	CU_ASSERT_EQUAL(take(&record, &answers, NOW), 0);
	expect_known(&record, "");
	CU_ASSERT_STRING_EQUAL(record.why, "no such name");
}

static const struct unit_case cases[] = {
	{"addresses stand in order, each once", addresses_stand_in_order_each_once},
	{"the ones before are handed over", the_ones_before_are_handed_over},
	{"the shortest TTL counts, within bounds", the_shortest_ttl_counts_within_bounds},
	{"failures are retried later and later", failures_are_retried_later_and_later},
	{"what fails keeps what is known", what_fails_keeps_what_is_known},
	{"one version that always fails delays no change",
		one_version_that_always_fails_delays_no_change},
	{"a name that is gone keeps its addresses", a_name_that_is_gone_keeps_its_addresses},
};

UNIT_MAIN("names record", cases)
