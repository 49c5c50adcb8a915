// SPDX-License-Identifier: BSD-3-Clause
// What people ask of the caches: how it is written, and what the manager does about it.
#include "cache_fixture.h"

#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "cache_control.h"
#include "dns/mnemonic.h"

#define CACHES 2
#define WALL 1700000000

struct served {
	struct cache_fixture fixtures[CACHES];
	struct forward_cache caches[CACHES];
	struct forward_caches all;
	struct cache_control *control;
};

static void served_open(struct served *served)
{
	const struct cache_store_options options = cache_fixture_options(2u << 20, 1);

	served->all = (struct forward_caches){.caches = served->caches, .count = CACHES};
	for (int i = 0; i < CACHES; i++) {
		cache_fixture_open(&served->fixtures[i], &options);
		served->caches[i] = (struct forward_cache){.store = served->fixtures[i].store};
	}
	served->control = cache_control_create(&served->all);
	CU_ASSERT_PTR_NOT_NULL_FATAL(served->control);
}

static void served_close(struct served *served)
{
	cache_control_destroy(served->control);
	for (int i = 0; i < CACHES; i++)
		cache_fixture_close(&served->fixtures[i]);
}

static void parse(struct cache_request *request, enum cache_request_verb verb, const char *text)
{
	CU_ASSERT_PTR_NULL_FATAL(cache_request_parse(request, verb, text, CACHES));
}

static void serve(struct served *served, struct cache_request *request)
{
	CU_ASSERT_EQUAL_FATAL(cache_control_post(served->control, request), 0);
	CU_ASSERT_EQUAL(cache_control_post(served->control, request), -EBUSY);
	for (int turn = 0; turn < 300; turn++) {
		(void)cache_control_turn(served->control, served->fixtures[0].now, WALL);
		for (int i = 0; i < CACHES; i++)
			cache_fixture_poll(&served->fixtures[i]);
	}
	CU_ASSERT_EQUAL_FATAL(cache_control_wait(served->control, request), 0);
}

static void insert(struct served *served, int cache, uint32_t number, enum cache_kind kind)
{
	CU_ASSERT_EQUAL(cache_fixture_insert(&served->fixtures[cache], 0, number, kind, 64),
		CACHE_INSERTED);
}

static bool holds(struct served *served, int cache, uint32_t number)
{
	struct cache_view view;

	return cache_fixture_lookup(&served->fixtures[cache], 0, number, &view) != CACHE_MISSED;
}

static void requests_are_read(void)
{
	struct cache_request request;

	parse(&request, CACHE_REQUEST_SHOW, "WWW.Example.test");
	CU_ASSERT_EQUAL(request.first, 0);
	CU_ASSERT_EQUAL(request.last, CACHES - 1);
	CU_ASSERT_FALSE(request.has_type);
	CU_ASSERT_EQUAL(memcmp(request.name.wire, "\3www\7example\4test", 18), 0);
	parse(&request, CACHE_REQUEST_SHOW, "0/25.2.0.192.in-addr.arpa.  aaaa 1");
	CU_ASSERT_TRUE(request.has_type);
	CU_ASSERT_EQUAL(request.type, 28);
	CU_ASSERT_EQUAL(request.first, 1);
	CU_ASSERT_EQUAL(request.last, 1);
	parse(&request, CACHE_REQUEST_SHOW, ". TYPE65280");
	CU_ASSERT_EQUAL(request.type, 65280);
	CU_ASSERT_EQUAL(request.name.length, 1);
	parse(&request, CACHE_REQUEST_SHOW, "example.test 1");
	CU_ASSERT_FALSE(request.has_type);
	CU_ASSERT_EQUAL(request.first, 1);
	parse(&request, CACHE_REQUEST_FLUSH, "all");
	CU_ASSERT_EQUAL(request.scope, CACHE_FLUSH_ALL);
	parse(&request, CACHE_REQUEST_FLUSH, "name example.test 0");
	CU_ASSERT_EQUAL(request.scope, CACHE_FLUSH_NAME);
	CU_ASSERT_EQUAL(request.last, 0);
	parse(&request, CACHE_REQUEST_FLUSH, "zone example.test");
	CU_ASSERT_EQUAL(request.scope, CACHE_FLUSH_ZONE);
	parse(&request, CACHE_REQUEST_DUMP, "/var/lib/a.cache");
	CU_ASSERT_STRING_EQUAL(request.path, "/var/lib/a.cache");
	CU_ASSERT_EQUAL(request.last, 0);
	parse(&request, CACHE_REQUEST_LOAD, "/a 1");
	CU_ASSERT_EQUAL(request.first, 1);
	CU_ASSERT_EQUAL(request.last, 1);
}

static void wrong_requests_are_refused(void)
{
	static const char *const shows[] = {
		"",
		" ",
		"a..b",
		"example.test NONE",
		"example.test A 2",
		"example.test A 0 0",
		"example.test 99999999999999999999",
		"example.test A -1",
		"example.test TYPE65536",
		"example.test TYPE",
	};
	static const char *const flushes[] = {
		"",
		"everything",
		"name",
		"zone",
		"name a..b",
		"all 2",
		"all 0 0",
		"all x",
		"ALL",
	};
	static const char *const files[] = {"", "a.cache", "../a", "/a 2", "/a 0 0", "/a b"};
	char longest[2000];
	struct cache_request request;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(shows); i++)
		CU_ASSERT_PTR_NOT_NULL(
			cache_request_parse(&request, CACHE_REQUEST_SHOW, shows[i], CACHES));
	for (size_t i = 0; i < BASE_ARRAY_SIZE(flushes); i++)
		CU_ASSERT_PTR_NOT_NULL(
			cache_request_parse(&request, CACHE_REQUEST_FLUSH, flushes[i], CACHES));
	for (size_t i = 0; i < BASE_ARRAY_SIZE(files); i++)
		CU_ASSERT_PTR_NOT_NULL(
			cache_request_parse(&request, CACHE_REQUEST_DUMP, files[i], CACHES));
	memset(longest, 'a', sizeof(longest) - 1);
	longest[sizeof(longest) - 1] = '\0';
	CU_ASSERT_PTR_NOT_NULL(cache_request_parse(&request, CACHE_REQUEST_SHOW, longest, CACHES));
	longest[0] = '/';
	longest[CACHE_REQUEST_PATH_BYTES] = '\0';
	CU_ASSERT_PTR_NOT_NULL(cache_request_parse(&request, CACHE_REQUEST_LOAD, longest, CACHES));
	CU_ASSERT_PTR_NOT_NULL(cache_request_parse(&request, CACHE_REQUEST_SHOW, NULL, CACHES));
	CU_ASSERT_PTR_NOT_NULL(cache_request_parse(&request, CACHE_REQUEST_FLUSH, "all", 0));
}

static void types_have_names(void)
{
	char text[DNS_MNEMONIC_TEXT];

	CU_ASSERT_STRING_EQUAL(dns_type_format(1, text), "A");
	CU_ASSERT_STRING_EQUAL(dns_type_format(65, text), "HTTPS");
	CU_ASSERT_STRING_EQUAL(dns_type_format(65280, text), "TYPE65280");
}

static void show_says_what_is_held(void)
{
	struct served served;
	struct cache_request request;

	served_open(&served);
	for (uint32_t number = 0; number < 100; number++)
		insert(&served, 1, number, CACHE_KIND_DENIAL);
	for (int i = 0; i < CACHES; i++)
		served.fixtures[i].now += 10 * CLOCK_SECOND;
	insert(&served, 0, 42, CACHE_KIND_SUCCESS);
	parse(&request, CACHE_REQUEST_SHOW, "N0000000042.test");
	serve(&served, &request);
	CU_ASSERT_TRUE(request.is_done);
	CU_ASSERT_EQUAL(request.count, 2);
	CU_ASSERT_EQUAL_FATAL(request.shown_count, 2);
	CU_ASSERT_EQUAL(request.shown[0].cache, 0);
	CU_ASSERT_EQUAL(request.shown[0].kind, CACHE_KIND_SUCCESS);
	CU_ASSERT_EQUAL(request.shown[0].ttl, 60);
	CU_ASSERT_EQUAL(request.shown[0].age, 0);
	CU_ASSERT_EQUAL(request.shown[1].cache, 1);
	CU_ASSERT_EQUAL(request.shown[1].kind, CACHE_KIND_DENIAL);
	CU_ASSERT_EQUAL(request.shown[1].type, FIXTURE_TYPE);
	CU_ASSERT_EQUAL(request.shown[1].class_, 1);
	CU_ASSERT_EQUAL(request.shown[1].value_length, 64);
	CU_ASSERT_EQUAL(request.shown[1].ttl, 50);
	CU_ASSERT_EQUAL(request.shown[1].stale, 60);
	CU_ASSERT_EQUAL(request.shown[1].age, 10);
	// Of another type there is nothing, nor below the name.
	parse(&request, CACHE_REQUEST_SHOW, "n0000000042.test MX");
	serve(&served, &request);
	CU_ASSERT_EQUAL(request.count, 0);
	parse(&request, CACHE_REQUEST_SHOW, "test");
	serve(&served, &request);
	CU_ASSERT_EQUAL(request.count, 0);
	// What no client can get any more is not shown.
	served.fixtures[0].now += 115 * CLOCK_SECOND;
	parse(&request, CACHE_REQUEST_SHOW, "n0000000042.test A");
	serve(&served, &request);
	CU_ASSERT_EQUAL_FATAL(request.count, 1);
	CU_ASSERT_EQUAL(request.shown[0].cache, 0);
	CU_ASSERT_EQUAL(request.shown[0].ttl, -55);
	served_close(&served);
}

static void flush_removes_what_it_says(void)
{
	struct served served;
	struct cache_request request;

	served_open(&served);
	for (uint32_t number = 0; number < 100; number++) {
		insert(&served, 0, number, CACHE_KIND_SUCCESS);
		insert(&served, 1, number, CACHE_KIND_SUCCESS);
	}
	parse(&request, CACHE_REQUEST_FLUSH, "name n0000000007.TEST");
	serve(&served, &request);
	CU_ASSERT_TRUE(request.is_done);
	CU_ASSERT_EQUAL(request.count, 2);
	CU_ASSERT_FALSE(holds(&served, 0, 7));
	CU_ASSERT_FALSE(holds(&served, 1, 7));
	CU_ASSERT_TRUE(holds(&served, 0, 8));
	parse(&request, CACHE_REQUEST_FLUSH, "zone test 1");
	serve(&served, &request);
	CU_ASSERT_EQUAL(request.count, 99);
	CU_ASSERT_TRUE(holds(&served, 0, 8));
	CU_ASSERT_FALSE(holds(&served, 1, 8));
	parse(&request, CACHE_REQUEST_FLUSH, "all");
	serve(&served, &request);
	CU_ASSERT_EQUAL(request.count, 99);
	CU_ASSERT_FALSE(holds(&served, 0, 8));
	served_close(&served);
}

// An owner that does not poll (its lcore is stuck) keeps nobody waiting for ever.
static void unfinished_flush_is_answered(void)
{
	struct served served;
	struct cache_request request;
	uint64_t now;

	served_open(&served);
	now = served.fixtures[0].now;
	insert(&served, 0, 1, CACHE_KIND_SUCCESS);
	parse(&request, CACHE_REQUEST_FLUSH, "name n0000000001.test 0");
	CU_ASSERT_EQUAL_FATAL(cache_control_post(served.control, &request), 0);
	for (int turn = 0; turn < 6; turn++)
		(void)cache_control_turn(served.control, now + (uint64_t)turn * CLOCK_SECOND, WALL);
	CU_ASSERT_EQUAL(cache_control_wait(served.control, &request), 0);
	CU_ASSERT_FALSE(request.is_done);
	CU_ASSERT_EQUAL(request.count, 0);
	// The owner goes on; then the next one is served.
	parse(&request, CACHE_REQUEST_FLUSH, "all 0");
	serve(&served, &request);
	CU_ASSERT_TRUE(request.is_done);
	CU_ASSERT_FALSE(holds(&served, 0, 1));
	served_close(&served);
}

// What comes from a file has to be answers (test_cache_file.c): those of this store are none.
static void dump_and_load_say_how_it_went(void)
{
	char folder[] = "/tmp/test-cache-control-XXXXXX";
	struct served served;
	struct cache_request request;
	char text[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder));
	served_open(&served);
	(void)snprintf(text, sizeof(text), "%s/kept 1", folder);
	parse(&request, CACHE_REQUEST_DUMP, text);
	serve(&served, &request);
	CU_ASSERT_TRUE(request.is_done);
	CU_ASSERT_EQUAL(request.count, 0);
	CU_ASSERT_STRING_EQUAL(request.error, "");
	parse(&request, CACHE_REQUEST_LOAD, text);
	serve(&served, &request);
	CU_ASSERT_STRING_EQUAL(request.error, "");
	CU_ASSERT_TRUE(request.is_done);
	for (uint32_t number = 0; number < 50; number++)
		insert(&served, 1, number, CACHE_KIND_SUCCESS);
	parse(&request, CACHE_REQUEST_DUMP, text);
	serve(&served, &request);
	CU_ASSERT_EQUAL(request.count, 50);
	parse(&request, CACHE_REQUEST_LOAD, text);
	serve(&served, &request);
	CU_ASSERT_PTR_NOT_NULL(strstr(request.error, "an answer is broken"));
	CU_ASSERT_EQUAL(request.count, 0);
	text[strlen(folder) + strlen("/kept")] = '\0';
	CU_ASSERT_EQUAL(unlink(text), 0);
	parse(&request, CACHE_REQUEST_LOAD, text);
	serve(&served, &request);
	CU_ASSERT_PTR_NOT_NULL(strstr(request.error, "No such file"));
	(void)snprintf(text, sizeof(text), "%s/absent/kept", folder);
	parse(&request, CACHE_REQUEST_DUMP, text);
	serve(&served, &request);
	CU_ASSERT_PTR_NOT_NULL(strstr(request.error, "No such file"));
	CU_ASSERT_EQUAL(rmdir(folder), 0);
	served_close(&served);
}

// Without anybody asking, once a minute.
static void what_has_expired_is_removed(void)
{
	struct served served;
	struct cache_usage usage;
	uint64_t now;

	served_open(&served);
	now = served.fixtures[0].now;
	for (uint32_t number = 0; number < 5; number++)
		insert(&served, 1, number, CACHE_KIND_SUCCESS);
	for (int second = 0; second <= 400; second += 20) {
		served.fixtures[1].now = now + (uint64_t)second * CLOCK_SECOND;
		(void)cache_control_turn(served.control, served.fixtures[1].now, WALL);
		for (int poll = 0; poll < 100; poll++)
			cache_fixture_poll(&served.fixtures[1]);
		cache_store_usage(served.fixtures[1].store, &usage);
		if (second == 40)
			CU_ASSERT_EQUAL(usage.answers[CACHE_KIND_SUCCESS], 5);
	}
	CU_ASSERT_EQUAL(usage.answers[CACHE_KIND_SUCCESS], 0);
	served_close(&served);
}

static const struct unit_case cases[] = {
	{"requests are read", requests_are_read},
	{"wrong requests are refused", wrong_requests_are_refused},
	{"types have names", types_have_names},
	{"show says what is held", show_says_what_is_held},
	{"flush removes what it says", flush_removes_what_it_says},
	{"an unfinished flush is answered", unfinished_flush_is_answered},
	{"dump and load say how it went", dump_and_load_say_how_it_went},
	{"what has expired is removed", what_has_expired_is_removed},
};

UNIT_MAIN("app_cache_control", cases)
