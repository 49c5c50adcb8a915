// SPDX-License-Identifier: BSD-3-Clause
#include "unit.h"

#include "dns/mnemonic.h"

static void test_types(void)
{
	char text[DNS_MNEMONIC_TEXT];
	uint16_t type;

	CU_ASSERT_STRING_EQUAL(dns_type_format(1, text), "A");
	CU_ASSERT_STRING_EQUAL(dns_type_format(65, text), "HTTPS");
	CU_ASSERT_STRING_EQUAL(dns_type_format(65535, text), "TYPE65535");
	CU_ASSERT_EQUAL(dns_type_parse("aaaa", &type), 0);
	CU_ASSERT_EQUAL(type, 28);
	CU_ASSERT_EQUAL(dns_type_parse("type65280", &type), 0);
	CU_ASSERT_EQUAL(type, 65280);
	CU_ASSERT_NOT_EQUAL(dns_type_parse("TYPE65536", &type), 0);
	CU_ASSERT_NOT_EQUAL(dns_type_parse("TYPE", &type), 0);
	CU_ASSERT_NOT_EQUAL(dns_type_parse("TYPE-1", &type), 0);
	CU_ASSERT_NOT_EQUAL(dns_type_parse("TYPE1x", &type), 0);
	CU_ASSERT_NOT_EQUAL(dns_type_parse("AA", &type), 0);
	for (uint32_t number = 0; number <= UINT16_MAX; number++) {
		CU_ASSERT_EQUAL_FATAL(
			dns_type_parse(dns_type_format((uint16_t)number, text), &type), 0);
		CU_ASSERT_EQUAL_FATAL(type, number);
	}
}

static void test_classes_and_rcodes(void)
{
	char text[DNS_MNEMONIC_TEXT];

	CU_ASSERT_STRING_EQUAL(dns_class_format(1, text), "IN");
	CU_ASSERT_STRING_EQUAL(dns_class_format(255, text), "ANY");
	CU_ASSERT_STRING_EQUAL(dns_class_format(65280, text), "CLASS65280");
	CU_ASSERT_STRING_EQUAL(dns_rcode_format(0, text), "NOERROR");
	CU_ASSERT_STRING_EQUAL(dns_rcode_format(3, text), "NXDOMAIN");
	CU_ASSERT_STRING_EQUAL(dns_rcode_format(16, text), "BADVERS");
	CU_ASSERT_STRING_EQUAL(dns_rcode_format(4095, text), "4095");
}

static const struct unit_case cases[] = {
	{"writes and reads types", test_types},
	{"writes classes and rcodes", test_classes_and_rcodes},
};

UNIT_MAIN("dns: mnemonics", cases)
