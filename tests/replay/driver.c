// SPDX-License-Identifier: BSD-3-Clause
#include "driver.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

// When a statement may stand, and what goes before it.
enum statement_kind {
	STATEMENT_SETUP, // before the first of the others
	STATEMENT_INPUT, // everything that left before has been spoken of
	STATEMENT_CHECK,
};

struct statement {
	const char *words[2];
	enum statement_kind kind;
	void (*run)(struct driver *driver, struct scenario_words *words);
};

struct driver_query *driver_find_query(
	struct driver *driver, struct scenario_words *words, const char *label)
{
	for (size_t i = 0; i < driver->query_count; i++) {
		if (strcmp(driver->queries[i].label, label) == 0)
			return &driver->queries[i];
	}
	scenario_fail(words, "no client asked '%s'", label);
	return NULL;
}

struct driver_attempt *driver_find_attempt(
	struct driver *driver, struct scenario_words *words, const char *label)
{
	for (size_t i = 0; i < driver->attempt_count; i++) {
		if (strcmp(driver->attempts[i].label, label) == 0)
			return &driver->attempts[i];
	}
	scenario_fail(words, "no upstream got '%s'", label);
	return NULL;
}

void driver_fail_other(struct driver *driver, struct scenario_words *words, const char *expected)
{
	const struct forwarder_sent *sent = forwarder_oldest_sent(&driver->forwarder);
	char destination[NET_ENDPOINT_TEXT];
	char text[MESSAGE_TEXT];

	if (!sent) {
		scenario_fail(words, "expected %s, but nothing was sent", expected);
		return;
	}
	if (sent->frame.kind != NET_FRAME_UDP) {
		scenario_fail(words, "expected %s, but a frame of kind %u was sent", expected,
			sent->frame.kind);
		return;
	}
	scenario_fail(words, "expected %s, but this went to %s: %s", expected,
		net_endpoint_format(&sent->frame.destination, destination),
		message_format(net_frame_payload(&sent->frame), sent->frame.payload_length, text));
}

void driver_expect_nothing(struct driver *driver, struct scenario_words *words)
{
	if (driver->forwarder.sent_count)
		driver_fail_other(driver, words, "nothing");
}

uint16_t driver_read_lcore(struct driver *driver, struct scenario_words *words)
{
	return (uint16_t)scenario_number(
		words, "the number of an lcore", driver->options.lcore_count - 1u);
}

static void read_lcores(struct driver *driver, struct scenario_words *words)
{
	driver->options.lcore_count =
		(uint16_t)scenario_number(words, "a count", FORWARDER_LCORES_MOST);
}

static void read_local(struct driver *driver, struct scenario_words *words)
{
	driver->options.local_count = 0;
	while (scenario_has_more(words)) {
		if (driver->options.local_count == FORWARDER_LOCAL_MOST)
			scenario_fail(words, "too many addresses");
		else
			driver->options.local[driver->options.local_count++] =
				scenario_address(words);
	}
}

static void read_local_ports(struct driver *driver, struct scenario_words *words)
{
	driver->options.local_port_first = (uint16_t)scenario_number(words, "a port", UINT16_MAX);
	driver->options.local_port_last = (uint16_t)scenario_number(words, "a port", UINT16_MAX);
}

static void read_queries(struct driver *driver, struct scenario_words *words)
{
	driver->options.pending_count = scenario_number(words, "a count", 1 << 16);
}

static void check_health(struct driver *driver, struct scenario_words *words)
{
	(void)words;
	driver->options.checks_health = true;
}

static void advance(struct driver *driver, struct scenario_words *words)
{
	forwarder_advance(&driver->forwarder, scenario_duration(words));
}

static void sweep(struct driver *driver, struct scenario_words *words)
{
	if (scenario_accept(words, "mark"))
		forwarder_mark(&driver->forwarder);
	else if (scenario_accept(words, "reap"))
		forwarder_reap(&driver->forwarder);
	else
		forwarder_sweep(&driver->forwarder);
}

// The rest of the line is the configuration.
static void reload(struct driver *driver, struct scenario_words *words)
{
	if (forwarder_reload(&driver->forwarder, scenario_word(words, "a configuration")))
		scenario_fail(words, "refused: %s", driver->forwarder.error);
}

static void turn(struct driver *driver, struct scenario_words *words)
{
	(void)words;
	forwarder_turn(&driver->forwarder);
}

static void stop_queries(struct driver *driver, struct scenario_words *words)
{
	(void)words;
	forwarder_stop_queries(&driver->forwarder);
}

static void stop_pools(struct driver *driver, struct scenario_words *words)
{
	(void)words;
	forwarder_stop_pools(&driver->forwarder);
}

static void in_flight(struct driver *driver, struct scenario_words *words)
{
	uint32_t expected = scenario_number(words, "a count", UINT32_MAX);
	uint32_t got = forwarder_in_flight(&driver->forwarder);

	if (!words->failed && got != expected)
		scenario_fail(
			words, "expected %u queries in flight, but there are %u", expected, got);
}

static void frames(struct driver *driver, struct scenario_words *words)
{
	if (scenario_accept(words, "none"))
		driver->forwarder.packets.left = 0;
	else if (!scenario_accept(words, "any"))
		scenario_fail(words, "frames: none or any");
	else
		driver->forwarder.packets.left = UINT32_MAX;
}

static void kernel(struct driver *driver, struct scenario_words *words)
{
	if (scenario_accept(words, "takes"))
		driver->forwarder.kernel = FORWARD_HANDED_OVER;
	else if (scenario_accept(words, "full"))
		driver->forwarder.kernel = FORWARD_RING_FULL;
	else if (scenario_accept(words, "absent"))
		driver->forwarder.kernel = FORWARD_NO_TAKER;
	else
		scenario_fail(words, "kernel: takes, full or absent");
}

static void hops(struct driver *driver, struct scenario_words *words)
{
	driver->forwarder.hop_room = scenario_number(words, "a count", FORWARDER_SENT_MOST);
}

static const struct statement statements[] = {
	{{"lcores"}, STATEMENT_SETUP, read_lcores},
	{{"local"}, STATEMENT_SETUP, read_local},
	{{"local-ports"}, STATEMENT_SETUP, read_local_ports},
	{{"queries"}, STATEMENT_SETUP, read_queries},
	{{"health-checks"}, STATEMENT_SETUP, check_health},
	{{"client", "gets"}, STATEMENT_CHECK, driver_client_gets},
	{{"client"}, STATEMENT_INPUT, driver_client_asks},
	{{"nobody"}, STATEMENT_CHECK, driver_nobody_asks},
	{{"upstream", "replies"}, STATEMENT_INPUT, driver_upstream_replies},
	{{"upstream"}, STATEMENT_CHECK, driver_upstream_gets},
	{{"nothing"}, STATEMENT_CHECK, driver_expect_nothing},
	{{"icmp"}, STATEMENT_INPUT, driver_icmp},
	{{"advance"}, STATEMENT_INPUT, advance},
	{{"sweep"}, STATEMENT_INPUT, sweep},
	{{"turn"}, STATEMENT_INPUT, turn},
	{{"reload"}, STATEMENT_INPUT, reload},
	{{"drain"}, STATEMENT_INPUT, driver_drain},
	{{"undrain"}, STATEMENT_INPUT, driver_undrain},
	{{"stop", "queries"}, STATEMENT_INPUT, stop_queries},
	{{"stop", "pools"}, STATEMENT_INPUT, stop_pools},
	{{"path"}, STATEMENT_INPUT, driver_path},
	{{"frames"}, STATEMENT_INPUT, frames},
	{{"kernel"}, STATEMENT_INPUT, kernel},
	{{"hops"}, STATEMENT_INPUT, hops},
	{{"in-flight"}, STATEMENT_CHECK, in_flight},
	{{"pool"}, STATEMENT_CHECK, driver_pool},
	{{"counter"}, STATEMENT_CHECK, driver_counter},
	{{"health"}, STATEMENT_CHECK, driver_health},
};

static const struct statement *statement_read(struct scenario_words *words)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(statements); i++) {
		size_t start = words->at;

		if (scenario_accept(words, statements[i].words[0]) &&
			(!statements[i].words[1] || scenario_accept(words, statements[i].words[1])))
			return &statements[i];
		words->at = start;
	}
	scenario_fail(words, "'%s' is not a statement", scenario_word(words, "a statement"));
	return NULL;
}

static void start(struct driver *driver, struct scenario_words *words)
{
	if (forwarder_start(&driver->forwarder, &driver->options)) {
		fprintf(stderr, "%s\n", driver->forwarder.error);
		words->failed = true;
	}
	driver->is_started = true;
}

static void run_statement(struct driver *driver, struct scenario_words *words)
{
	const struct statement *statement = statement_read(words);
	const char *wrong;

	if (!statement)
		return;
	if (statement->kind == STATEMENT_SETUP) {
		if (driver->is_started)
			scenario_fail(words, "this has to stand before what happens");
		else
			statement->run(driver, words);
		scenario_end(words);
		return;
	}
	if (!driver->is_started)
		start(driver, words);
	if (!words->failed && statement->kind == STATEMENT_INPUT)
		driver_expect_nothing(driver, words);
	if (!words->failed)
		statement->run(driver, words);
	scenario_end(words);
	wrong = words->failed ? NULL : forwarder_check(&driver->forwarder);
	if (wrong)
		scenario_fail(words, "after this, %s", wrong);
}

// Where a `repeat N` began, and how often it is still to run.
struct repetition {
	size_t first;
	uint32_t left;
};

// Runs `repeat` and `end`; false for any other line.
static bool run_repetition(
	struct scenario_words *words, struct repetition *repetition, size_t *line)
{
	if (scenario_accept(words, "repeat")) {
		repetition->left = scenario_number(words, "a count", 100000);
		repetition->first = *line + 1;
	} else if (scenario_accept(words, "end")) {
		if (!repetition->left)
			scenario_fail(words, "an end without its repeat");
		else if (--repetition->left)
			*line = repetition->first - 1;
	} else {
		return false;
	}
	scenario_end(words);
	return true;
}

static int run_lines(struct driver *driver)
{
	struct scenario *scenario = driver->scenario;
	struct repetition repetition = {0};
	struct scenario_words words = {.scenario = scenario};
	const char *wrong;

	for (size_t i = 0; i < scenario->line_count; i++) {
		words = (struct scenario_words){.scenario = scenario, .line = &scenario->lines[i]};
		if (!run_repetition(&words, &repetition, &i))
			run_statement(driver, &words);
		if (words.failed)
			return 1;
	}
	if (!words.line || !driver->is_started || repetition.left) {
		fprintf(stderr, "%s: nothing happens in it, or a repeat has no end\n",
			scenario->file);
		return 1;
	}
	driver_expect_nothing(driver, &words);
	wrong = words.failed ? NULL : forwarder_check_end(&driver->forwarder);
	if (wrong)
		scenario_fail(&words, "at the end, %s", wrong);
	return words.failed;
}

int driver_run(struct scenario *scenario)
{
	struct driver *driver = calloc(1, sizeof(*driver));
	int status;

	if (!driver)
		return 1;
	driver->scenario = scenario;
	driver->options = (struct forwarder_options){
		.config_name = scenario->file,
		.config_text = scenario->config,
		.lcore_count = 1,
		.local_port_first = 20000,
		.local_port_last = 20999,
		.pending_count = 1024,
		.local_count = 2,
	};
	(void)net_address_parse("10.53.0.2", &driver->options.local[0]);
	(void)net_address_parse("fd53::2", &driver->options.local[1]);
	status = run_lines(driver);
	forwarder_end(&driver->forwarder);
	free(driver);
	return status;
}
