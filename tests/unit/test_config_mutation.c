// SPDX-License-Identifier: BSD-3-Clause
// A good configuration, changed at every byte and at every word: whatever comes of it, it is
// either taken or refused with the place, and nothing is read or lost beyond its bounds (which
// the sanitizers see).
#include "config_text.h"

#include <ctype.h>
#include <stdlib.h>

#define MUTANT_BYTES 4096

static const char good[] =
	"# comment\n"
	"(timing) {\n"
	"\texpire 3s\n"
	"\tmax_age 1h0.5m\n"
	"}\n"
	"(upstream) {\n"
	"\tforward . 192.0.2.1 [2001:db8::1]:5353 dns://192.0.2.2:99 {\n"
	"\t\timport timing\n"
	"\t\texcept \"a.example\" 10.0.0.0/14 2001:db8::/30\n"
	"\t\tmax_idle_conns {$MILLRACE_TEST_N}\n"
	"\t\tread_timeout 500ms\n"
	"\t\tmax_connect_attempts 3\n"
	"\t\tpolicy round_robin\n"
	"\t\tmax_concurrent {%MILLRACE_TEST_N%}\n"
	"\t\tsource_address 192.0.2.7\n"
	"\t}\n"
	"}\n"
	"a\\.b.example, dns://b.example:5353,\n"
	"10.0.0.0/15:54 {\n"
	"\tbind 192.0.2.7 2001:db8::7\n"
	"\tbufsize 1400 # \"quoted\"\n"
	"\timport upstream\n"
	"\tforward 2001:db8::/32 192.0.2.3 c.example tls://D.example.%e.example:1 {\n"
	"\t\tresolver 192.0.2.53 [2001:db8::53]:54\n"
	"\t}\n"
	"}\n"
	". {\n\timport upstream\n}\n";

struct mutation_count {
	size_t accepted;
	size_t refused;
};

// True for "Corefile:LINE: reason" and for "Corefile: no server block", on one line.
static bool mutation_error_is_well_formed(const char *text)
{
	size_t digits;

	if (strcmp(text, "Corefile: no server block") == 0)
		return true;
	if (strncmp(text, "Corefile:", 9) != 0 || strchr(text, '\n'))
		return false;
	text += 9;
	digits = strspn(text, "0123456789");
	return digits > 0 && text[0] != '0' && strncmp(text + digits, ": ", 2) == 0 &&
	       text[digits + 2];
}

static void mutation_try(const char *text, struct mutation_count *count)
{
	struct config_error error = {0};
	struct config *config = config_read_text("Corefile", text, &error);

	if (config) {
		size_t servers;

		struct config *again = config_read_again(config, NULL, &error);

		(void)config_servers(config, &servers);
		CU_ASSERT_TRUE(servers > 0);
		CU_ASSERT_PTR_NOT_NULL(again);
		config_destroy(again);
		count->accepted++;
	} else {
		if (!mutation_error_is_well_formed(error.text))
			fprintf(stderr, "\n%s\n", error.text);
		CU_ASSERT_TRUE(mutation_error_is_well_formed(error.text));
		count->refused++;
	}
	config_destroy(config);
}

// `good` with `length` bytes at `at` replaced by `middle`.
static void mutation_replace(size_t at, size_t length, const char *middle, size_t middle_length,
	struct mutation_count *count)
{
	char text[MUTANT_BYTES];

	CU_ASSERT_TRUE_FATAL(sizeof(good) + middle_length < sizeof(text));
	memcpy(text, good, at);
	memcpy(text + at, middle, middle_length);
	memcpy(text + at + middle_length, good + at + length, sizeof(good) - at - length);
	mutation_try(text, count);
}

static void set_variables(void)
{
	CU_ASSERT_EQUAL(setenv("MILLRACE_TEST_N", "12", 1), 0);
}

static void the_configuration_to_change_is_good(void)
{
	set_variables();
	config_destroy(config_accept(good));
}

static void every_byte_may_be_missing_doubled_or_another(void)
{
	static const char others[] = "{}\"#\\(),:/.*0-\x01\xff \n";
	struct mutation_count count = {0};

	set_variables();
	for (size_t i = 0; i + 1 < sizeof(good); i++) {
		char twice[2] = {good[i], good[i]};

		mutation_replace(i, 1, "", 0, &count);
		mutation_replace(i, 1, twice, 2, &count);
		for (size_t j = 0; j + 1 < sizeof(others); j++)
			mutation_replace(i, 1, &others[j], 1, &count);
		mutation_replace(i, sizeof(good) - 1 - i, "", 0, &count);
	}
	CU_ASSERT_TRUE(count.accepted > 100);
	CU_ASSERT_TRUE(count.refused > 1000);
}

// Words, with the lengths that white space leaves between them.
static size_t mutation_find_words(size_t starts[], size_t lengths[], size_t room)
{
	size_t count = 0;

	for (size_t i = 0; i + 1 < sizeof(good) && count < room; i++) {
		if (isspace((unsigned char)good[i]))
			continue;
		starts[count] = i;
		lengths[count] = strcspn(good + i, " \t\n");
		i += lengths[count++];
	}
	return count;
}

static void every_word_may_be_missing_doubled_or_another(void)
{
	size_t starts[200];
	size_t lengths[200];
	struct mutation_count count = {0};
	size_t words = mutation_find_words(starts, lengths, 200);

	set_variables();
	CU_ASSERT_TRUE(words > 50 && words < 200);
	for (size_t i = 0; i < words; i++) {
		char twice[512];
		int length = snprintf(twice, sizeof(twice), "%.*s %.*s", (int)lengths[i],
			good + starts[i], (int)lengths[i], good + starts[i]);

		mutation_replace(starts[i], lengths[i], "", 0, &count);
		mutation_replace(starts[i], lengths[i], twice, (size_t)length, &count);
		for (size_t j = 0; j < words; j++)
			mutation_replace(
				starts[i], lengths[i], good + starts[j], lengths[j], &count);
	}
	CU_ASSERT_TRUE(count.accepted > 100);
	CU_ASSERT_TRUE(count.refused > 1000);
}

static const struct unit_case cases[] = {
	{"the configuration to change is good", the_configuration_to_change_is_good},
	{"every byte may be missing, doubled or another",
		every_byte_may_be_missing_doubled_or_another},
	{"every word may be missing, doubled or another",
		every_word_may_be_missing_doubled_or_another},
};

UNIT_MAIN("config mutation", cases)
