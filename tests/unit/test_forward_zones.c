// SPDX-License-Identifier: BSD-3-Clause
// Which zone a name is in, and which forward of it takes the name.
#include "config_text.h"

#include <stdlib.h>

#include "forward/zones.h"

#define SERVERS_MOST 4096

struct zones_fixture {
	struct config *config;
	struct forward_zones *zones;
};

static void zones_open(struct zones_fixture *fixture, const char *text)
{
	static const struct config_server *servers[SERVERS_MOST];
	const struct config_server *all;
	size_t count;

	fixture->config = config_accept(text);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->config);
	all = config_servers(fixture->config, &count);
	CU_ASSERT_FATAL(count <= SERVERS_MOST);
	for (size_t i = 0; i < count; i++)
		servers[i] = &all[i];
	fixture->zones = forward_zones_create(fixture->config, NULL, servers, count);
	CU_ASSERT_PTR_NOT_NULL_FATAL(fixture->zones);
}

static void zones_close(struct zones_fixture *fixture)
{
	forward_zones_destroy(fixture->zones);
	config_destroy(fixture->config);
}

// Text without escapes, its dot at the end left out, to wire format.
static uint16_t name_to_wire(const char *text, uint8_t wire[DNS_NAME_BYTES])
{
	uint16_t length = 0;

	while (*text) {
		size_t label = strcspn(text, ".");

		wire[length++] = (uint8_t)label;
		memcpy(wire + length, text, label);
		length = (uint16_t)(length + label);
		text += label + (text[label] == '.');
	}
	wire[length++] = 0;
	return length;
}

static struct forward_match zones_match(const struct zones_fixture *fixture, const char *name)
{
	uint8_t wire[DNS_NAME_BYTES];
	uint16_t length = name_to_wire(name, wire);
	uint8_t *exact = malloc(length);
	struct forward_match match;

	CU_ASSERT_PTR_NOT_NULL_FATAL(exact);
	memcpy(exact, wire, length);
	match = forward_zones_match(fixture->zones, exact, length);
	free(exact);
	return match;
}

struct expected_match {
	const char *name;
	uint16_t group;
};

#define NONE FORWARD_NO_GROUP

static void check_matches(const char *text, const struct expected_match *expected, size_t count)
{
	struct zones_fixture fixture;

	zones_open(&fixture, text);
	for (size_t i = 0; i < count; i++) {
		uint16_t group = zones_match(&fixture, expected[i].name).group;

		if (group != expected[i].group)
			fprintf(stderr, "\n%s: %u, not %u", expected[i].name, group,
				expected[i].group);
		CU_ASSERT_EQUAL(group, expected[i].group);
	}
	zones_close(&fixture);
}

static void test_longest(void)
{
	static const struct expected_match expected[] = {
		{"", 0},
		{"org", 0},
		{"example.org", 1},
		{"www.example.org", 1},
		{"a.b.c.d.example.org", 1},
		{"sub.example.org", 2},
		{"www.sub.example.org", 2},
		{"a.deep.sub.sub.example.org", 2},
		{"WWW.SUB.Example.ORG", 2},
		{"example.net", 0},
	};

	check_matches(". {\nforward . 192.0.2.1\n}\n"
		      "example.org {\nforward . 192.0.2.2\n}\n"
		      "SUB.example.ORG {\nforward . 192.0.2.3\n}\n",
		expected, BASE_ARRAY_SIZE(expected));
}

// "notexample.org" ends in the bytes of "example.org", but not at a label.
static void test_label_boundaries(void)
{
	static const struct expected_match expected[] = {
		{"example.org", 0},
		{"notexample.org", NONE},
		{"x.notexample.org", NONE},
		{"example.org.net", NONE},
		{"xample.org", NONE},
		{"org", NONE},
		{"", NONE},
		{"a.example.org", 0},
	};

	check_matches(
		"example.org {\nforward . 192.0.2.1\n}\n", expected, BASE_ARRAY_SIZE(expected));
}

// A label whose bytes look like the length and letters of a zone.
static void test_bytes_of_a_zone_within_a_label(void)
{
	static const uint8_t name[] = "\x0dx\7example\3org";
	struct zones_fixture fixture;

	zones_open(&fixture, "example.org {\nforward . 192.0.2.1\n}\n");
	CU_ASSERT_EQUAL(forward_zones_match(fixture.zones, name, sizeof(name)).group, NONE);
	zones_close(&fixture);
}

static void test_reverse_zones(void)
{
	static const struct expected_match expected[] = {
		{"1.2.0.192.in-addr.arpa", 0},
		{"1.3.0.192.in-addr.arpa", 0},
		{"1.4.0.192.in-addr.arpa", NONE},
		{"0.192.in-addr.arpa", NONE},
		{"1.0.0.8.b.d.0.1.0.0.2.ip6.arpa", 1},
		{"1.0.0.9.b.d.0.1.0.0.2.ip6.arpa", NONE},
	};

	check_matches("192.0.2.0/23 {\nforward . 192.0.2.1\n}\n"
		      "2001:db8::/32 {\nforward . 192.0.2.2\n}\n",
		expected, BASE_ARRAY_SIZE(expected));
	check_matches(". {\nforward 192.0.2.0/23 192.0.2.1\nforward 2001:db8::/32 192.0.2.2\n}\n",
		expected, BASE_ARRAY_SIZE(expected));
}

static void test_except(void)
{
	static const struct expected_match expected[] = {
		{"example.org", 0},
		{"EXAMPLE.org", 0},
		{"www.example.org", 0},
		{"secret.example.org", 1},
		{"a.secret.example.org", 1},
		{"asecret.example.org", 0},
		{"other.example.org", 1},
		{"example.net", 1},
	};

	check_matches(". {\n"
		      "forward example.org 192.0.2.1 {\n"
		      "except secret.example.org\nexcept Other.example.org\n}\n"
		      "forward . 192.0.2.2\n}\n",
		expected, BASE_ARRAY_SIZE(expected));
}

// `except` of FROM itself leaves only the name equal to it.
static void test_except_from(void)
{
	static const struct expected_match expected[] = {
		{"example.org", 0},
		{"www.example.org", NONE},
		{"org", NONE},
	};

	check_matches(". {\nforward example.org 192.0.2.1 {\nexcept org\n}\n}\n", expected,
		BASE_ARRAY_SIZE(expected));
}

static void test_forwards_in_order(void)
{
	static const struct expected_match expected[] = {
		{"www.example.org", 0},
		{"example.org", 0},
		{"www.example.net", 1},
		{"example.com", 3},
		{"org", 3},
	};

	check_matches("nowhere.test {\nforward . 192.0.2.9\n}\n", NULL, 0);
	check_matches(". {\n"
		      "forward example.org 192.0.2.1\n"
		      "forward example.net 192.0.2.2\n"
		      "forward www.example.org 192.0.2.3\n"
		      "forward . 192.0.2.4\n}\n",
		expected, BASE_ARRAY_SIZE(expected));
}

// The longest zone answers for its names even when no forward of it takes them.
static void test_no_fall_back(void)
{
	static const struct expected_match expected[] = {
		{"a.example.org", 1},
		{"b.example.org", NONE},
		{"org", 0},
	};

	check_matches(". {\nforward . 192.0.2.1\n}\n"
		      "example.org {\nforward a.example.org 192.0.2.2\n}\n",
		expected, BASE_ARRAY_SIZE(expected));
}

static void test_bufsize(void)
{
	struct zones_fixture fixture;

	zones_open(&fixture, "example.net {\nforward . 192.0.2.1\nbufsize 600\n}\n"
			     "example.org {\nforward . 192.0.2.1\nbufsize 1400\n}\n"
			     "example.com {\nforward . 192.0.2.1\n}\n");
	CU_ASSERT_EQUAL(zones_match(&fixture, "www.example.net").bufsize, 600);
	CU_ASSERT_EQUAL(zones_match(&fixture, "www.example.org").bufsize, 1400);
	CU_ASSERT_EQUAL(zones_match(&fixture, "www.example.com").bufsize, 1232);
	CU_ASSERT_EQUAL(zones_match(&fixture, "www.example").bufsize, 600);
	zones_close(&fixture);
}

// The longest names there are: 127 labels, and four labels of 63 bytes at the most.
static void test_long_names(void)
{
	struct zones_fixture fixture;
	char name[2 * 127 + 1];

	for (size_t i = 0; i + 1 < sizeof(name); i += 2) {
		name[i] = 'x';
		name[i + 1] = '.';
	}
	name[2 * 127 - 1] = 0;
	zones_open(&fixture, "x.x {\nforward . 192.0.2.1\n}\ny {\nforward . 192.0.2.2\n}\n");
	CU_ASSERT_EQUAL(zones_match(&fixture, name).group, 0);
	name[2 * 126] = 'y';
	CU_ASSERT_EQUAL(zones_match(&fixture, name).group, 1);
	memset(name, 'z', sizeof(name));
	name[62] = '.';
	name[124] = '.';
	name[186] = '.';
	memcpy(name + 248, ".x.x", 5);
	CU_ASSERT_EQUAL(zones_match(&fixture, name).group, 0);
	zones_close(&fixture);
}

static void test_thousands(void)
{
	size_t size = (size_t)SERVERS_MOST * 80;
	char *text = malloc(size);
	struct zones_fixture fixture;
	size_t at = 0;
	char name[64];

	CU_ASSERT_PTR_NOT_NULL_FATAL(text);
	for (int i = 0; i < 3000; i++)
		at += (size_t)snprintf(text + at, size - at,
			"%s%d.example {\nforward . 192.0.2.%d\n}\n", i % 3 ? "" : "sub.zone", i,
			i % 200 + 1);
	zones_open(&fixture, text);
	free(text);
	for (int i = 0; i < 3000; i++) {
		snprintf(name, sizeof(name), "www.%s%d.example", i % 3 ? "" : "sub.zone", i);
		CU_ASSERT_EQUAL(zones_match(&fixture, name).group, i);
		CU_ASSERT_EQUAL(zones_match(&fixture, name + 4).group, i);
		snprintf(name, sizeof(name), "www.%d.example", i + 3000);
		CU_ASSERT_EQUAL(zones_match(&fixture, name).group, NONE);
	}
	zones_close(&fixture);
}

static const struct unit_case cases[] = {
	{"finds the longest zone", test_longest},
	{"matches whole labels", test_label_boundaries},
	{"takes no part of a label for a zone", test_bytes_of_a_zone_within_a_label},
	{"serves reverse zones", test_reverse_zones},
	{"leaves out except", test_except},
	{"forwards FROM itself in spite of except", test_except_from},
	{"tries forwards in order", test_forwards_in_order},
	{"stays in the longest zone", test_no_fall_back},
	{"gives the bufsize of the zone", test_bufsize},
	{"takes the longest names", test_long_names},
	{"finds one of thousands of zones", test_thousands},
};

UNIT_MAIN("forward_zones", cases)
