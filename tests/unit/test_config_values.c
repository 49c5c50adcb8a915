// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "base/clock.h"
#include "base/compiler.h"
#include "config/suggest.h"
#include "config/values.h"
#include "config/zones.h"

#include <errno.h>
#include <string.h>

struct duration_case {
	const char *text;
	int result;
	int64_t nanoseconds;
};

static const struct duration_case durations[] = {
	{"0", 0, 0},
	{"+0", 0, 0},
	{"-0", 0, 0},
	{"0s", 0, 0},
	{"5s", 0, 5000000000},
	{"30s", 0, 30000000000},
	{"1478s", 0, 1478000000000},
	{"-5s", 0, -5000000000},
	{"+5s", 0, 5000000000},
	{"5.0s", 0, 5000000000},
	{"5.6s", 0, 5600000000},
	{"5.s", 0, 5000000000},
	{".5s", 0, 500000000},
	{"1.004s", 0, 1004000000},
	{"100.00100s", 0, 100001000000},
	{"10ns", 0, 10},
	{"11us", 0, 11000},
	{"12\u00b5s", 0, 12000},
	{"12\u03bcs", 0, 12000},
	{"13ms", 0, 13000000},
	{"15m", 0, 900000000000},
	{"16h", 0, 57600000000000},
	{"3h30m", 0, 12600000000000},
	{"10.5s4m", 0, 250500000000},
	{"-2m3.4s", 0, -123400000000},
	{"1h2m3s4ms5us6ns", 0, 3723004005006},
	{"39h9m14.425s", 0, 140954425000000},
	{"0.3333333333333333333h", 0, 1200000000000},
	{"9007199254740993ns", 0, 9007199254740993},
	{"9223372036854775807ns", 0, INT64_MAX},
	{"9223372036854775.807us", 0, INT64_MAX},
	{"9223372036s854ms775us807ns", 0, INT64_MAX},
	{"-9223372036854775808ns", 0, INT64_MIN},
	{"0.100000000000000000000h", 0, 360000000000},
	{"0.9223372036854775807h", 0, 3320413933267},
	{"9223372036854775808ns", -ERANGE, 0},
	{"-9223372036854775809ns", -ERANGE, 0},
	{"9223372036854ms775us808ns", -ERANGE, 0},
	{"3000000h", -ERANGE, 0},
	{"99999999999999999999s", -ERANGE, 0},
	{"3", -EDOM, 0},
	{"1.5", -EDOM, 0},
	{"00", -EDOM, 0},
	{"1h30", -EDOM, 0},
	{"", -EINVAL, 0},
	{"-", -EINVAL, 0},
	{"+", -EINVAL, 0},
	{"s", -EINVAL, 0},
	{".", -EINVAL, 0},
	{"-.", -EINVAL, 0},
	{".s", -EINVAL, 0},
	{"+.s", -EINVAL, 0},
	{"1d", -EINVAL, 0},
	{"1S", -EINVAL, 0},
	{"1 s", -EINVAL, 0},
	{"1s ", -EINVAL, 0},
	{"--1s", -EINVAL, 0},
	{"1s-1s", -EINVAL, 0},
	{"banana", -EINVAL, 0},
	{"\xff", -EINVAL, 0},
};

static void durations_are_those_of_go(void)
{
	for (size_t i = 0; i < BASE_ARRAY_SIZE(durations); i++) {
		int64_t nanoseconds = 0;
		int result = config_parse_duration(durations[i].text, &nanoseconds);

		if (result != durations[i].result ||
			(!result && nanoseconds != durations[i].nanoseconds))
			fprintf(stderr, "\n%s: %d, %lld\n", durations[i].text, result,
				(long long)nanoseconds);
		CU_ASSERT_EQUAL(result, durations[i].result);
		if (!durations[i].result)
			CU_ASSERT_EQUAL(nanoseconds, durations[i].nanoseconds);
	}
}

static void durations_are_written_as_go_does(void)
{
	static const struct {
		uint64_t nanoseconds;
		const char *text;
	} list[] = {
		{0, "0s"},
		{1, "1ns"},
		{1100, "1.1\u00b5s"},
		{2000, "2\u00b5s"},
		{2200000, "2.2ms"},
		{500 * CLOCK_MILLISECOND, "500ms"},
		{3300 * CLOCK_MILLISECOND, "3.3s"},
		{10 * CLOCK_SECOND, "10s"},
		{60 * CLOCK_SECOND, "1m0s"},
		{245 * CLOCK_SECOND, "4m5s"},
		{245001 * CLOCK_MILLISECOND, "4m5.001s"},
		{3600 * CLOCK_SECOND, "1h0m0s"},
		{18367001 * CLOCK_MILLISECOND, "5h6m7.001s"},
		{480000000001, "8m0.000000001s"},
		{INT64_MAX, "2562047h47m16.854775807s"},
	};
	char text[CONFIG_DURATION_TEXT];

	for (size_t i = 0; i < BASE_ARRAY_SIZE(list); i++)
		CU_ASSERT_STRING_EQUAL(
			config_format_duration(list[i].nanoseconds, text), list[i].text);
}

static void numbers_have_bounds(void)
{
	uint32_t number = 0;

	CU_ASSERT_EQUAL(config_parse_number("0", 0, 10, &number), 0);
	CU_ASSERT_EQUAL(number, 0);
	CU_ASSERT_EQUAL(config_parse_number("0010", 0, 10, &number), 0);
	CU_ASSERT_EQUAL(number, 10);
	CU_ASSERT_EQUAL(config_parse_number("4294967295", 0, UINT32_MAX, &number), 0);
	CU_ASSERT_EQUAL(number, UINT32_MAX);
	CU_ASSERT_EQUAL(config_parse_number("4294967296", 0, UINT32_MAX, &number), -ERANGE);
	CU_ASSERT_EQUAL(
		config_parse_number("18446744073709551616", 0, UINT32_MAX, &number), -ERANGE);
	CU_ASSERT_EQUAL(config_parse_number("11", 0, 10, &number), -ERANGE);
	CU_ASSERT_EQUAL(config_parse_number("1", 2, 10, &number), -ERANGE);
	CU_ASSERT_EQUAL(config_parse_number("", 0, 10, &number), -EINVAL);
	CU_ASSERT_EQUAL(config_parse_number("-1", 0, 10, &number), -EINVAL);
	CU_ASSERT_EQUAL(config_parse_number("+1", 0, 10, &number), -EINVAL);
	CU_ASSERT_EQUAL(config_parse_number(" 1", 0, 10, &number), -EINVAL);
	CU_ASSERT_EQUAL(config_parse_number("1x", 0, 10, &number), -EINVAL);
	CU_ASSERT_EQUAL(config_parse_number("0x1", 0, 10, &number), -EINVAL);
}

static void endpoints_have_a_port_or_the_default(void)
{
	static const struct {
		const char *text;
		const char *endpoint; // NULL: no address; "": no port
	} list[] = {
		{"192.0.2.1", "192.0.2.1:53"},
		{"192.0.2.1:5353", "192.0.2.1:5353"},
		{"192.0.2.1:65535", "192.0.2.1:65535"},
		{"2001:db8::1", "[2001:db8::1]:53"},
		{"[2001:db8::1]", "[2001:db8::1]:53"},
		{"[2001:db8::1]:5353", "[2001:db8::1]:5353"},
		{"192.0.2.1:", ""},
		{"192.0.2.1:0", ""},
		{"192.0.2.1:65536", ""},
		{"192.0.2.1:dns", ""},
		{"[2001:db8::1]:", ""},
		{"[2001:db8::1]:x", ""},
		{"", NULL},
		{":", NULL},
		{":53", NULL},
		{"[]:53", NULL},
		{"[", NULL},
		{"[2001:db8::1", NULL},
		{"[2001:db8::1]53", NULL},
		{"[192.0.2.1]:53", NULL},
		{"192.0.2", NULL},
		{"192.0.2.1.1", NULL},
		{"192.0.2.256", NULL},
		{"fe80::1%eth0", NULL},
		{"2001:db8::1::", NULL},
		{"one.example:53", NULL},
		{"1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb:cccc:dddd", NULL},
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(list); i++) {
		struct net_endpoint endpoint;
		char text[NET_ENDPOINT_TEXT];
		int result = config_parse_endpoint(list[i].text, 53, &endpoint);

		if (!list[i].endpoint) {
			CU_ASSERT_EQUAL(result, -EINVAL);
		} else if (!list[i].endpoint[0]) {
			CU_ASSERT_EQUAL(result, -ERANGE);
		} else {
			CU_ASSERT_EQUAL_FATAL(result, 0);
			CU_ASSERT_STRING_EQUAL(
				net_endpoint_format(&endpoint, text), list[i].endpoint);
		}
	}
}

struct zones_case {
	const char *text;
	size_t count;
	const char *first;
	const char *last;
};

static const struct zones_case zones_cases[] = {
	{".", 1, ".", "."},
	{"Example.ORG", 1, "example.org.", "example.org."},
	{"example.org.", 1, "example.org.", "example.org."},
	{"0/25.2.0.192.in-addr.arpa", 1, "0/25.2.0.192.in-addr.arpa.",
		"0/25.2.0.192.in-addr.arpa."},
	{"0.0.0.0/0", 1, "in-addr.arpa.", "in-addr.arpa."},
	{"0.0.0.0/1", 128, "0.in-addr.arpa.", "127.in-addr.arpa."},
	{"128.0.0.0/1", 128, "128.in-addr.arpa.", "255.in-addr.arpa."},
	{"10.0.0.0/8", 1, "10.in-addr.arpa.", "10.in-addr.arpa."},
	{"10.0.0.0/9", 128, "0.10.in-addr.arpa.", "127.10.in-addr.arpa."},
	{"10.0.0.0/14", 4, "0.10.in-addr.arpa.", "3.10.in-addr.arpa."},
	{"10.7.0.0/14", 4, "4.10.in-addr.arpa.", "7.10.in-addr.arpa."},
	{"10.9.3.0/18", 64, "0.9.10.in-addr.arpa.", "63.9.10.in-addr.arpa."},
	{"192.0.2.0/24", 1, "2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa."},
	{"192.0.2.77/24", 1, "2.0.192.in-addr.arpa.", "2.0.192.in-addr.arpa."},
	{"192.0.2.77/31", 2, "76.2.0.192.in-addr.arpa.", "77.2.0.192.in-addr.arpa."},
	{"192.0.2.1/32", 1, "1.2.0.192.in-addr.arpa.", "1.2.0.192.in-addr.arpa."},
	{"::/0", 1, "ip6.arpa.", "ip6.arpa."},
	{"::/1", 8, "0.ip6.arpa.", "7.ip6.arpa."},
	{"2001:db8::/32", 1, "8.b.d.0.1.0.0.2.ip6.arpa.", "8.b.d.0.1.0.0.2.ip6.arpa."},
	{"2001:db8::/29", 8, "8.b.d.0.1.0.0.2.ip6.arpa.", "f.b.d.0.1.0.0.2.ip6.arpa."},
	{"2001:db8::/30", 4, "8.b.d.0.1.0.0.2.ip6.arpa.", "b.b.d.0.1.0.0.2.ip6.arpa."},
	{"2001:db8::/115", 2, "0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."},
	{"2001:db8::1/128", 1,
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa.",
		"1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa."},
	{"::ffff:0:0/96", 1, "f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa.",
		"f.f.f.f.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.ip6.arpa."},
};

static void prefixes_are_all_their_reverse_zones(void)
{
	struct config_zones zones;
	char text[DNS_NAME_TEXT];

	for (size_t i = 0; i < BASE_ARRAY_SIZE(zones_cases); i++) {
		const struct zones_case *item = &zones_cases[i];

		CU_ASSERT_EQUAL_FATAL(config_parse_zone(item->text, &zones), CONFIG_ZONE_GOOD);
		CU_ASSERT_EQUAL_FATAL(zones.count, item->count);
		CU_ASSERT_STRING_EQUAL(dns_name_format(&zones.names[0], text), item->first);
		CU_ASSERT_STRING_EQUAL(
			dns_name_format(&zones.names[zones.count - 1], text), item->last);
	}
}

static void faulty_zones_are_told_apart(void)
{
	static const struct {
		const char *text;
		enum config_zone_fault fault;
	} list[] = {
		{"", CONFIG_ZONE_NOT_A_NAME},
		{"..", CONFIG_ZONE_NOT_A_NAME},
		{"a..b", CONFIG_ZONE_NOT_A_NAME},
		{"a b", CONFIG_ZONE_NOT_A_NAME},
		{"example.org:53", CONFIG_ZONE_NOT_A_NAME},
		{"b\xc3\xbc"
		 "cher.example",
			CONFIG_ZONE_NOT_ASCII},
		{"10.0.0.0", CONFIG_ZONE_ADDRESS},
		{"2001:db8::", CONFIG_ZONE_ADDRESS},
		{"10.0.0.0/", CONFIG_ZONE_NOT_A_PREFIX},
		{"10.0.0.0/33", CONFIG_ZONE_NOT_A_PREFIX},
		{"10.0.0.0/-1", CONFIG_ZONE_NOT_A_PREFIX},
		{"10.0.0.0/8/8", CONFIG_ZONE_NOT_A_PREFIX},
		{"2001:db8::/129", CONFIG_ZONE_NOT_A_PREFIX},
		{"2001:db8::/x", CONFIG_ZONE_NOT_A_PREFIX},
	};
	struct config_zones zones;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(list); i++)
		CU_ASSERT_EQUAL(config_parse_zone(list[i].text, &zones), list[i].fault);
}

static void ports_stand_behind_zones(void)
{
	static const struct {
		const char *text;
		enum config_zone_fault fault;
		uint16_t port;
	} list[] = {
		{".", CONFIG_ZONE_GOOD, 7},
		{".:5353", CONFIG_ZONE_GOOD, 5353},
		{"example.org:1", CONFIG_ZONE_GOOD, 1},
		{"10.0.0.0/8:5353", CONFIG_ZONE_GOOD, 5353},
		{"2001:db8::/32", CONFIG_ZONE_GOOD, 7},
		{"2001:db8::/32:65535", CONFIG_ZONE_GOOD, 65535},
		{"example.org:", CONFIG_ZONE_NOT_A_PORT, 7},
		{"example.org:0", CONFIG_ZONE_NOT_A_PORT, 7},
		{"example.org:65536", CONFIG_ZONE_NOT_A_PORT, 7},
		{"example.org:dns", CONFIG_ZONE_NOT_A_PORT, 7},
		{"10.0.0.0/8:x", CONFIG_ZONE_NOT_A_PORT, 7},
		{":53", CONFIG_ZONE_NOT_A_NAME, 7},
		{"10.0.0.1:53", CONFIG_ZONE_ADDRESS, 7},
		{"2001:db8::1", CONFIG_ZONE_ADDRESS, 7},
		{"10.0.0.0/40:53", CONFIG_ZONE_NOT_A_PREFIX, 7},
		{"2001:db8::/200", CONFIG_ZONE_NOT_A_PREFIX, 7},
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(list); i++) {
		struct config_zones zones;
		uint16_t port = 7;
		enum config_zone_fault fault = config_parse_zone_port(list[i].text, &zones, &port);

		if (fault != list[i].fault || port != list[i].port)
			fprintf(stderr, "\n%s: %s, %u\n", list[i].text,
				config_zone_fault_text(fault), port);
		CU_ASSERT_EQUAL(fault, list[i].fault);
		CU_ASSERT_EQUAL(port, list[i].port);
	}
}

static const char *suggest_among(const char *word)
{
	struct config_suggestion suggestion = {.word = word};

	config_suggest(&suggestion, "expire");
	config_suggest(&suggestion, "except");
	config_suggest(&suggestion, "tls");
	return suggestion.best ? suggestion.best : "";
}

static void suggestions_are_two_letters_away_at_most(void)
{
	char word[200];

	CU_ASSERT_STRING_EQUAL(suggest_among("expires"), "expire");
	CU_ASSERT_STRING_EQUAL(suggest_among("exprie"), "expire");
	CU_ASSERT_STRING_EQUAL(suggest_among("excpt"), "except");
	CU_ASSERT_STRING_EQUAL(suggest_among("exxxxt"), "");
	CU_ASSERT_STRING_EQUAL(suggest_among("x"), "");
	CU_ASSERT_STRING_EQUAL(suggest_among("sls"), "tls");
	memset(word, 'x', sizeof(word) - 1);
	word[sizeof(word) - 1] = '\0';
	CU_ASSERT_STRING_EQUAL(suggest_among(word), "");
}

static const struct unit_case cases[] = {
	{"durations are those of Go", durations_are_those_of_go},
	{"durations are written as Go does", durations_are_written_as_go_does},
	{"numbers have bounds", numbers_have_bounds},
	{"endpoints have a port or the default", endpoints_have_a_port_or_the_default},
	{"prefixes are all their reverse zones", prefixes_are_all_their_reverse_zones},
	{"faulty zones are told apart", faulty_zones_are_told_apart},
	{"ports stand behind zones", ports_stand_behind_zones},
	{"suggestions are near", suggestions_are_two_letters_away_at_most},
};

UNIT_MAIN("config values", cases)
