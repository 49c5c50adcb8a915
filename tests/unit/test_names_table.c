// SPDX-License-Identifier: BSD-3-Clause
// The table of host names, over lookups that the test answers itself.
#include "config_text.h"

#include "names/lookup.h"
#include "names/names.h"

#include <stdlib.h>

#define SECOND CLOCK_SECOND
#define LOOKUPS_MOST 256

// In place of those over c-ares: what was asked for, in order, and what is to come of it.
struct names_lookup {
	char name[CONFIG_HOST_NAME_TEXT];
	size_t resolver_count;
	bool is_over;
	struct net_address address;
	struct names_answer answers[NAMES_VERSIONS];
};

static struct names_lookup *asked[LOOKUPS_MOST];
static size_t asked_count;

struct names_lookup *names_lookup_create(const struct config_host *host, uint64_t now)
{
	struct names_lookup *lookup = calloc(1, sizeof(*lookup));

	(void)now;
	CU_ASSERT_PTR_NOT_NULL_FATAL(lookup);
	CU_ASSERT_TRUE_FATAL(asked_count < LOOKUPS_MOST);
	snprintf(lookup->name, sizeof(lookup->name), "%s", host->name);
	lookup->resolver_count = host->resolver_count;
	asked[asked_count++] = lookup;
	return lookup;
}

void names_lookup_destroy(struct names_lookup *lookup)
{
	for (size_t i = 0; i < asked_count; i++) {
		if (asked[i] == lookup)
			asked[i] = NULL;
	}
	free(lookup);
}

bool names_lookup_turn(struct names_lookup *lookup, uint64_t now)
{
	(void)now;
	return lookup->is_over;
}

const struct names_answer *names_lookup_answers(const struct names_lookup *lookup)
{
	return lookup->answers;
}

// The lookup of this name that is on its way; NULL: there is none.
static struct names_lookup *on_its_way(const char *name)
{
	for (size_t i = 0; i < asked_count; i++) {
		if (asked[i] && strcmp(asked[i]->name, name) == 0)
			return asked[i];
	}
	return NULL;
}

static void answer(const char *name, const char *address, uint32_t ttl)
{
	struct names_lookup *lookup = on_its_way(name);

	CU_ASSERT_PTR_NOT_NULL_FATAL(lookup);
	lookup->is_over = true;
	lookup->answers[NAMES_IPV6] =
		(struct names_answer){.outcome = NAMES_EMPTY, .why = "no address"};
	lookup->answers[NAMES_IPV4] = lookup->answers[NAMES_IPV6];
	if (!address)
		return;
	CU_ASSERT_EQUAL(net_address_parse(address, &lookup->address), 0);
	lookup->answers[NAMES_IPV4] = (struct names_answer){
		.outcome = NAMES_ANSWERED, .ttl = ttl, .addresses = &lookup->address, .count = 1};
}

static struct names *open_names(void)
{
	struct names *names = names_create();

	CU_ASSERT_PTR_NOT_NULL_FATAL(names);
	asked_count = 0;
	return names;
}

#define ONE ". {\nforward . one.example {\nresolver 192.0.2.53\n}\n}\n"
#define TWO ". {\nforward . one.example two.example {\nresolver 192.0.2.53\n}\n}\n"

// What the configuration names is asked for, at the first second.
static struct config *follow_first(struct names *names, const char *text)
{
	struct config *config = config_accept(text);

	CU_ASSERT_EQUAL(names_follow(names, config, NULL), 0);
	CU_ASSERT_TRUE(names_are_awaited(names));
	names_turn(names, SECOND);
	return config;
}

static void each_is_asked_again_as_its_ttl_ends(void)
{
	struct names *names = open_names();
	struct config *config = follow_first(names, TWO);

	CU_ASSERT_EQUAL(asked_count, 2);
	answer("one.example", "192.0.2.1", 5);
	names_turn(names, SECOND);
	CU_ASSERT_TRUE(names_are_awaited(names));
	answer("two.example", NULL, 0);
	names_turn(names, SECOND);
	CU_ASSERT_FALSE(names_are_awaited(names));
	CU_ASSERT_EQUAL(names_generation(names), 1);
	CU_ASSERT_EQUAL(asked_count, 2);
	// The second failed, and is asked again before the first.
	names_turn(names, 2 * SECOND);
	CU_ASSERT_EQUAL(asked_count, 3);
	answer("two.example", "192.0.2.2", 100);
	names_turn(names, 6 * SECOND - 1);
	CU_ASSERT_EQUAL(asked_count, 3);
	names_turn(names, 6 * SECOND);
	CU_ASSERT_EQUAL(asked_count, 4);
	CU_ASSERT_PTR_NOT_NULL(on_its_way("one.example"));
	CU_ASSERT_EQUAL(on_its_way("one.example")->resolver_count, 1);
	CU_ASSERT_EQUAL(names_generation(names), 2);
	config_destroy(config);
	names_destroy(names);
}

static void what_is_known_goes_into_the_configuration(void)
{
	struct config_error error = {0};
	struct names *names = open_names();
	struct config *config = follow_first(names, TWO);
	struct config_known_hosts known;
	struct config *again;
	const struct config_forward *const *forwards;
	char text[NET_ENDPOINT_TEXT];
	size_t count;

	answer("two.example", "192.0.2.2", 5);
	names_turn(names, SECOND);
	known = names_known(names);
	again = config_read_again(config, &known, &error);
	CU_ASSERT_PTR_NOT_NULL_FATAL(again);
	forwards = config_forwards(again, &count);
	CU_ASSERT_EQUAL_FATAL(forwards[0]->upstream_count, 1);
	CU_ASSERT_STRING_EQUAL(
		net_endpoint_format(&forwards[0]->upstreams[0].endpoint, text), "192.0.2.2:53");
	CU_ASSERT_STRING_EQUAL(names_fault(names, forwards[0]->hosts[0]), "no answer yet");
	config_destroy(config);
	config_destroy(again);
	names_destroy(names);
}

// Its addresses are of no concern before it runs, but what the next was not read with is afterwards.
static void names_of_the_next_change_nothing_before_it_runs(void)
{
	struct names *names = open_names();
	struct config *running = follow_first(names, ONE);
	struct config *next = config_accept(TWO);
	uint64_t generation;

	answer("one.example", "192.0.2.1", 3600);
	names_turn(names, SECOND);
	generation = names_generation(names);
	CU_ASSERT_EQUAL(names_follow(names, running, next), 0);
	names_turn(names, 2 * SECOND);
	CU_ASSERT_TRUE(names_are_awaited(names));
	CU_ASSERT_EQUAL(asked_count, 2);
	answer("two.example", "192.0.2.2", 1);
	names_turn(names, 2 * SECOND);
	CU_ASSERT_FALSE(names_are_awaited(names));
	(void)names_known(names);
	names_turn(names, 3 * SECOND);
	answer("two.example", "192.0.2.3", 1);
	names_turn(names, 3 * SECOND);
	CU_ASSERT_EQUAL(names_generation(names), generation);
	CU_ASSERT_EQUAL(names_follow(names, next, NULL), 0);
	CU_ASSERT_EQUAL(names_generation(names), generation + 1);
	// What no configuration has is forgotten, and its lookup with it.
	names_turn(names, 4 * SECOND);
	CU_ASSERT_PTR_NOT_NULL(on_its_way("two.example"));
	CU_ASSERT_EQUAL(names_follow(names, running, NULL), 0);
	CU_ASSERT_PTR_NULL(on_its_way("two.example"));
	CU_ASSERT_EQUAL(names_count(names), 1);
	CU_ASSERT_EQUAL(names_state(names, 0).lookups, 1);
	CU_ASSERT_EQUAL(names_state(names, 0).changed, 1);
	config_destroy(running);
	config_destroy(next);
	names_destroy(names);
}

static void those_without_an_address_are_asked_at_once_when_told(void)
{
	struct names *names = open_names();
	struct config *config = follow_first(names, TWO);

	answer("one.example", "192.0.2.1", 3600);
	answer("two.example", NULL, 0);
	names_turn(names, SECOND);
	CU_ASSERT_STRING_EQUAL(names_state(names, 1).record->why, "no address");
	names_ask_missing(names);
	CU_ASSERT_TRUE(names_are_awaited(names));
	names_turn(names, SECOND);
	CU_ASSERT_EQUAL(asked_count, 3);
	CU_ASSERT_PTR_NULL(on_its_way("one.example"));
	answer("two.example", NULL, 0);
	names_turn(names, SECOND);
	CU_ASSERT_FALSE(names_are_awaited(names));
	CU_ASSERT_EQUAL(names_state(names, 1).failed, 2);
	config_destroy(config);
	names_destroy(names);
}

static void not_all_are_asked_at_once(void)
{
	struct names *names = open_names();
	char text[8192] = ". {\nforward .";
	struct config *config;

	for (int i = 0; i < 100; i++)
		snprintf(text + strlen(text), sizeof(text) - strlen(text), " h%d.example", i);
	snprintf(text + strlen(text), sizeof(text) - strlen(text), "\n}\n");
	config = follow_first(names, text);
	CU_ASSERT_EQUAL(asked_count, 64);
	answer("h0.example", "192.0.2.1", 60);
	answer("h1.example", NULL, 60);
	names_turn(names, SECOND);
	names_turn(names, SECOND);
	CU_ASSERT_EQUAL(asked_count, 66);
	config_destroy(config);
	names_destroy(names);
}

static const struct unit_case cases[] = {
	{"each is asked again as its TTL ends", each_is_asked_again_as_its_ttl_ends},
	{"what is known goes into the configuration", what_is_known_goes_into_the_configuration},
	{"names of the next change nothing before it runs",
		names_of_the_next_change_nothing_before_it_runs},
	{"those without an address are asked at once when told",
		those_without_an_address_are_asked_at_once_when_told},
	{"not all are asked at once", not_all_are_asked_at_once},
};

UNIT_MAIN("names table", cases)
