// SPDX-License-Identifier: BSD-3-Clause
#include "dns/mnemonic.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <strings.h>

#include "base/compiler.h"
#include "dns/record.h"

struct mnemonic {
	uint16_t number;
	const char *name;
};

static const struct mnemonic types[] = {
	{DNS_TYPE_A, "A"},
	{DNS_TYPE_NS, "NS"},
	{DNS_TYPE_CNAME, "CNAME"},
	{DNS_TYPE_SOA, "SOA"},
	{DNS_TYPE_PTR, "PTR"},
	{DNS_TYPE_MX, "MX"},
	{16, "TXT"},
	{DNS_TYPE_AAAA, "AAAA"},
	{DNS_TYPE_SRV, "SRV"},
	{DNS_TYPE_NAPTR, "NAPTR"},
	{DNS_TYPE_DNAME, "DNAME"},
	{DNS_TYPE_DS, "DS"},
	{DNS_TYPE_RRSIG, "RRSIG"},
	{DNS_TYPE_NSEC, "NSEC"},
	{DNS_TYPE_DNSKEY, "DNSKEY"},
	{DNS_TYPE_NSEC3, "NSEC3"},
	{52, "TLSA"},
	{DNS_TYPE_SVCB, "SVCB"},
	{DNS_TYPE_HTTPS, "HTTPS"},
	{DNS_TYPE_IXFR, "IXFR"},
	{DNS_TYPE_AXFR, "AXFR"},
	{DNS_TYPE_ANY, "ANY"},
	{257, "CAA"},
};

// RFC 1035, section 3.2.4, and RFC 2136, section 2.4.
static const struct mnemonic classes[] = {
	{DNS_CLASS_IN, "IN"}, {3, "CH"}, {4, "HS"}, {254, "NONE"}, {255, "ANY"}};

// RFC 6895, section 2.3.
static const struct mnemonic rcodes[] = {{0, "NOERROR"}, {1, "FORMERR"}, {2, "SERVFAIL"},
	{3, "NXDOMAIN"}, {4, "NOTIMP"}, {5, "REFUSED"}, {6, "YXDOMAIN"}, {7, "YXRRSET"},
	{8, "NXRRSET"}, {9, "NOTAUTH"}, {10, "NOTZONE"}, {16, "BADVERS"}, {17, "BADKEY"},
	{18, "BADTIME"}, {23, "BADCOOKIE"}};

static const char *find(const struct mnemonic *table, size_t count, uint16_t number)
{
	for (size_t i = 0; i < count; i++) {
		if (table[i].number == number)
			return table[i].name;
	}
	return NULL;
}

static const char *format(
	const char *name, const char *prefix, uint16_t number, char text[DNS_MNEMONIC_TEXT])
{
	if (name)
		return name;
	(void)snprintf(text, DNS_MNEMONIC_TEXT, "%s%u", prefix, number);
	return text;
}

const char *dns_type_format(uint16_t type, char text[DNS_MNEMONIC_TEXT])
{
	return format(find(types, BASE_ARRAY_SIZE(types), type), "TYPE", type, text);
}

const char *dns_class_format(uint16_t class_, char text[DNS_MNEMONIC_TEXT])
{
	return format(find(classes, BASE_ARRAY_SIZE(classes), class_), "CLASS", class_, text);
}

const char *dns_rcode_format(uint16_t rcode, char text[DNS_MNEMONIC_TEXT])
{
	return format(find(rcodes, BASE_ARRAY_SIZE(rcodes), rcode), "", rcode, text);
}

int dns_type_parse(const char *text, uint16_t *type)
{
	char *end;
	unsigned long number;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(types); i++) {
		if (strcasecmp(types[i].name, text) == 0) {
			*type = types[i].number;
			return 0;
		}
	}
	if (strncasecmp(text, "TYPE", 4) != 0 || text[4] < '0' || text[4] > '9')
		return -EINVAL;
	errno = 0;
	number = strtoul(text + 4, &end, 10);
	if (errno || *end || number > UINT16_MAX)
		return -EINVAL;
	*type = (uint16_t)number;
	return 0;
}
