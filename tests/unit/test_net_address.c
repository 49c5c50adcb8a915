// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include <errno.h>
#include <string.h>

#include "net/address.h"
#include "net/path.h"

static void both_versions_are_read_and_written(void)
{
	static const char *const texts[] = {"0.0.0.0", "192.0.2.1", "255.255.255.255", "::", "::1",
		"2001:db8::53", "fe80::1", "2001:db8:1111:2222:3333:4444:5555:6666"};
	char text[NET_ADDRESS_TEXT];
	struct net_address address;

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		CU_ASSERT_EQUAL(net_address_parse(texts[i], &address), 0);
		CU_ASSERT_EQUAL(net_address_is_ipv4(&address), strchr(texts[i], ':') == NULL);
		CU_ASSERT_STRING_EQUAL(net_address_format(&address, text), texts[i]);
	}
}

static void what_is_no_address_is_refused(void)
{
	static const char *const texts[] = {"", "192.0.2", "192.0.2.256", "192.0.2.1 ",
		"01.2.3.4.5", "[::1]", "fe80::1%eth0", "1:2:3:4:5:6:7:8:9", ":::", "192.0.2.1:53",
		"dns.example"};
	struct net_address address;
	struct net_address before;

	memset(&address, 0x5a, sizeof(address));
	before = address;
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		CU_ASSERT_EQUAL(net_address_parse(texts[i], &address), -EINVAL);
	CU_ASSERT_TRUE(net_address_equal(&address, &before));
}

static void mapped_text_is_the_ipv4_address(void)
{
	struct net_address mapped;
	struct net_address plain;

	CU_ASSERT_EQUAL(net_address_parse("::ffff:192.0.2.1", &mapped), 0);
	CU_ASSERT_EQUAL(net_address_parse("192.0.2.1", &plain), 0);
	CU_ASSERT_TRUE(net_address_equal(&mapped, &plain));
	CU_ASSERT_TRUE(net_address_is_ipv4(&mapped));
	CU_ASSERT_EQUAL(memcmp(net_address_ipv4(&mapped), "\xc0\x00\x02\x01", 4), 0);
}

static void endpoints_have_their_port_behind(void)
{
	char text[NET_ENDPOINT_TEXT];
	struct net_endpoint endpoint = {.port = 65535};

	CU_ASSERT_EQUAL(net_address_parse("192.0.2.1", &endpoint.address), 0);
	CU_ASSERT_STRING_EQUAL(net_endpoint_format(&endpoint, text), "192.0.2.1:65535");
	CU_ASSERT_EQUAL(
		net_address_parse("1111:2222:3333:4444:5555:6666:7777:8888", &endpoint.address), 0);
	CU_ASSERT_STRING_EQUAL(net_endpoint_format(&endpoint, text),
		"[1111:2222:3333:4444:5555:6666:7777:8888]:65535");
}

static void endpoints_are_equal_by_address_and_port(void)
{
	struct net_endpoint a = {.port = 53};
	struct net_endpoint b;

	CU_ASSERT_EQUAL(net_address_parse("2001:db8::1", &a.address), 0);
	b = a;
	CU_ASSERT_TRUE(net_endpoint_equal(&a, &b));
	b.port = 54;
	CU_ASSERT_FALSE(net_endpoint_equal(&a, &b));
	b = a;
	b.address.bytes[15] = 2;
	CU_ASSERT_FALSE(net_endpoint_equal(&a, &b));
}

static bool unfit(const char *text)
{
	struct net_address address;

	CU_ASSERT_EQUAL_FATAL(net_address_parse(text, &address), 0);
	return net_address_is_unfit_as_source(&address);
}

static void unfit_sources_are_known(void)
{
	static const char *const bad[] = {"0.0.0.0", "0.1.2.3", "127.0.0.1", "127.255.255.255",
		"224.0.0.0", "239.255.255.255", "255.255.255.255", "::", "::1",
		"ff00::", "ff02::fb"};
	static const char *const good[] = {"1.0.0.0", "126.0.0.1", "128.0.0.1", "10.53.0.1",
		"223.255.255.255", "255.255.255.254", "::2", "fe80::1", "fd53::1", "feff::1",
		"100::1"};

	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		CU_ASSERT_TRUE(unfit(bad[i]));
	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		CU_ASSERT_FALSE(unfit(good[i]));
}

static void unusable_paths_are_all_equal(void)
{
	struct net_path a = {.is_usable = true, .port = 1, .vlan = NET_VLAN_NONE};
	struct net_path b = a;
	struct net_path none = {.is_usable = false, .port = 7};

	CU_ASSERT_TRUE(net_path_equal(&a, &b));
	CU_ASSERT_FALSE(net_path_equal(&a, &none));
	b.is_usable = false;
	CU_ASSERT_TRUE(net_path_equal(&b, &none));
	b = a;
	b.next_hop_mac.bytes[5] = 1;
	CU_ASSERT_FALSE(net_path_equal(&a, &b));
	b = a;
	b.source.bytes[15] = 1;
	CU_ASSERT_FALSE(net_path_equal(&a, &b));
}

static const struct unit_case cases[] = {
	{"both versions are read and written", both_versions_are_read_and_written},
	{"what is no address is refused", what_is_no_address_is_refused},
	{"mapped text is the IPv4 address", mapped_text_is_the_ipv4_address},
	{"endpoints have their port behind", endpoints_have_their_port_behind},
	{"endpoints are equal by address and port", endpoints_are_equal_by_address_and_port},
	{"unfit sources are known", unfit_sources_are_known},
	{"unusable paths are all equal", unusable_paths_are_all_equal},
};

UNIT_MAIN("net address", cases)
