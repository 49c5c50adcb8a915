// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "error_consolidation.h"

#include <string.h>

#include "base/clock.h"
#include "forward/snapshot.h"

#define START (100 * CLOCK_SECOND)

struct consolidation_fixture {
	struct config *config;
	struct proxy_set *set;
	struct error_consolidations *all;
	struct stats_text text;
};

// Two blocks: group 0 and 1 of the first, 2 of one without `errors`, 3 of one without a rule.
static const char corefile[] = ". {\n"
			       "errors {\n"
			       "consolidate 30s \"^10\\.53\\.0\\.11.*timeout$\" warning\n"
			       "consolidate 1m timeout$\n"
			       "consolidate 10s refused info show_first\n"
			       "}\n"
			       "forward a.test 10.53.0.11\n"
			       "forward . 10.53.0.12\n"
			       "}\n"
			       "b.test {\nforward . 10.53.0.11\n}\n"
			       "c.test {\nerrors\nforward . 10.53.0.11\n}\n";

static void fixture_open(struct consolidation_fixture *fixture)
{
	struct config_error error;

	*fixture = (struct consolidation_fixture){
		.config = config_read_text("Corefile", corefile, &error)};
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->config);
	fixture->set = forward_proxy_set_create(fixture->config);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->set);
	fixture->all = error_consolidations_create(fixture->config, fixture->set);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->all);
}

static void fixture_close(struct consolidation_fixture *fixture)
{
	error_consolidations_destroy(fixture->all);
	proxy_set_destroy(fixture->set);
	config_destroy(fixture->config);
	stats_text_fini(&fixture->text);
}

// Says the level at which it is to be said, -1 where it is not.
static int take(
	struct consolidation_fixture *fixture, uint16_t group, const char *text, uint64_t now)
{
	enum config_error_level level;

	if (error_consolidations_take(fixture->all, group, text, now, &level))
		return -1;
	return (int)level;
}

// All that was told so far is this.
static void expect_told(struct consolidation_fixture *fixture, uint64_t now, const char *text)
{
	error_consolidations_tell(fixture->all, now, &fixture->text);
	CU_ASSERT_EQUAL(fixture->text.length, strlen(text));
	CU_ASSERT(fixture->text.length == strlen(text) &&
		  (!*text || memcmp(fixture->text.bytes, text, strlen(text)) == 0));
}

static void errors_alike_are_told_of_once(void)
{
	static const char told[] =
		"[WARNING] plugin/errors: 3 errors like '^10\\.53\\.0\\.11.*timeout$' occurred in "
		"last 30s\n";
	struct consolidation_fixture fixture;

	fixture_open(&fixture);
	CU_ASSERT_EQUAL(take(&fixture, 0, "10.53.0.11:53: timeout", START), -1);
	CU_ASSERT_EQUAL(take(&fixture, 1, "10.53.0.11:53: connect_timeout", START + 1), -1);
	CU_ASSERT_EQUAL(take(&fixture, 0, "10.53.0.11:53: timeout", START + 29 * CLOCK_SECOND), -1);
	expect_told(&fixture, START + 30 * CLOCK_SECOND - 1, "");
	expect_told(&fixture, START + 30 * CLOCK_SECOND, told);
	// Nothing came since.
	expect_told(&fixture, START + 90 * CLOCK_SECOND, told);
	fixture_close(&fixture);
}

static void the_first_that_matches_counts(void)
{
	struct consolidation_fixture fixture;

	fixture_open(&fixture);
	CU_ASSERT_EQUAL(take(&fixture, 0, "10.53.0.11:53: timeout", START), -1);
	CU_ASSERT_EQUAL(take(&fixture, 0, "10.53.0.12:53: timeout", START), -1);
	expect_told(&fixture, START + 60 * CLOCK_SECOND,
		"[WARNING] plugin/errors: 1 errors like '^10\\.53\\.0\\.11.*timeout$' occurred in "
		"last 30s\n"
		"[ERROR] plugin/errors: 1 errors like 'timeout$' occurred in last 1m0s\n");
	fixture_close(&fixture);
}

static void what_matches_nothing_is_said(void)
{
	struct consolidation_fixture fixture;

	fixture_open(&fixture);
	CU_ASSERT_EQUAL(take(&fixture, 0, "10.53.0.11:53: unreachable", START), CONFIG_LEVEL_ERROR);
	// Without `errors`, without a rule, and of a group that is none.
	CU_ASSERT_EQUAL(take(&fixture, 2, "10.53.0.11:53: timeout", START), CONFIG_LEVEL_ERROR);
	CU_ASSERT_EQUAL(take(&fixture, 3, "10.53.0.11:53: timeout", START), CONFIG_LEVEL_ERROR);
	CU_ASSERT_EQUAL(
		take(&fixture, UINT16_MAX, "10.53.0.11:53: timeout", START), CONFIG_LEVEL_ERROR);
	expect_told(&fixture, START + 1000 * CLOCK_SECOND, "");
	fixture_close(&fixture);
}

static void the_first_is_shown(void)
{
	static const char told[] =
		"[INFO] plugin/errors: 2 errors like 'refused' occurred in last 10s\n";
	struct consolidation_fixture fixture;

	fixture_open(&fixture);
	CU_ASSERT_EQUAL(take(&fixture, 0, "10.53.0.11:53: refused", START), CONFIG_LEVEL_INFO);
	expect_told(&fixture, START + 10 * CLOCK_SECOND, "");
	CU_ASSERT_EQUAL(take(&fixture, 0, "10.53.0.11:53: refused", START + 11 * CLOCK_SECOND),
		CONFIG_LEVEL_INFO);
	CU_ASSERT_EQUAL(take(&fixture, 0, "10.53.0.11:53: refused", START + 12 * CLOCK_SECOND), -1);
	expect_told(&fixture, START + 20 * CLOCK_SECOND, "");
	expect_told(&fixture, START + 21 * CLOCK_SECOND, told);
	fixture_close(&fixture);
}

static void the_rest_is_told_at_the_end(void)
{
	static const char told[] = "[ERROR] plugin/errors: 2 errors like 'timeout$' occurred in "
				   "last 1m0s\n";
	struct consolidation_fixture fixture;

	fixture_open(&fixture);
	for (int i = 0; i < 2; i++)
		CU_ASSERT_EQUAL(take(&fixture, 1, "10.53.0.12:53: timeout", START), -1);
	CU_ASSERT_EQUAL(take(&fixture, 1, "10.53.0.12:53: refused", START), CONFIG_LEVEL_INFO);
	error_consolidations_tell_rest(fixture.all, &fixture.text);
	expect_told(&fixture, START + 1000 * CLOCK_SECOND, told);
	fixture_close(&fixture);
}

static const struct unit_case cases[] = {
	{"errors alike are told of once", errors_alike_are_told_of_once},
	{"the first that matches counts", the_first_that_matches_counts},
	{"what matches nothing is said", what_matches_nothing_is_said},
	{"the first is shown", the_first_is_shown},
	{"the rest is told at the end", the_rest_is_told_at_the_end},
};

UNIT_MAIN("app: consolidation of errors", cases)
