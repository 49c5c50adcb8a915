// SPDX-License-Identifier: BSD-3-Clause
#include "dns/client_subnet.h"

#include "dns/edns_option.h"
#include "dns/message_fields.h"

#define FAMILY_IPV4 1
#define FAMILY_IPV6 2

// Sets the bits behind `length` to zero.
static void address_mask(uint8_t address[DNS_SUBNET_ADDRESS_BYTES], uint8_t length)
{
	size_t whole = length / 8;

	if (whole >= DNS_SUBNET_ADDRESS_BYTES)
		return;
	address[whole] &= (uint8_t)(0xff00 >> length % 8);
	memset(address + whole + 1, 0, DNS_SUBNET_ADDRESS_BYTES - whole - 1);
}

// The address has as many bytes as the prefix needs, and zeros behind the prefix.
static bool subnet_read_address(struct dns_client_subnet *subnet, struct byte_reader *data)
{
	uint8_t masked[DNS_SUBNET_ADDRESS_BYTES];
	size_t length = (subnet->source_length + 7U) / 8;
	const uint8_t *address;

	if (byte_reader_left(data) != length)
		return false;
	address = byte_reader_take(data, length);
	if (!address)
		return false;
	memcpy(subnet->address, address, length);
	memcpy(masked, subnet->address, sizeof(masked));
	address_mask(masked, subnet->source_length);
	return memcmp(masked, subnet->address, sizeof(masked)) == 0;
}

enum dns_subnet_result dns_client_subnet_read(
	struct dns_client_subnet *subnet, const uint8_t *bytes, const struct dns_message *message)
{
	struct byte_reader data;
	uint16_t family;
	uint8_t most;

	*subnet = (struct dns_client_subnet){0};
	if (!dns_edns_find_option(bytes, message, DNS_OPTION_CLIENT_SUBNET, &data))
		return DNS_SUBNET_NONE;
	family = byte_reader_take_u16(&data);
	subnet->source_length = byte_reader_take_u8(&data);
	subnet->scope_length = byte_reader_take_u8(&data);
	most = family == FAMILY_IPV4 ? 32 : 128;
	if (data.failed || (family != FAMILY_IPV4 && family != FAMILY_IPV6) ||
		subnet->source_length > most || subnet->scope_length > most)
		return DNS_SUBNET_BAD;
	subnet->family = (uint8_t)family;
	return subnet_read_address(subnet, &data) ? DNS_SUBNET_GOOD : DNS_SUBNET_BAD;
}

void dns_client_subnet_mask(struct dns_client_subnet *subnet, uint8_t length)
{
	if (subnet->source_length > length)
		subnet->source_length = length;
	subnet->scope_length = length;
	address_mask(subnet->address, length);
}

bool dns_client_subnet_scope(struct dns_client_subnet *scope, const uint8_t *query_bytes,
	const struct dns_message *query, const uint8_t *reply_bytes,
	const struct dns_message *reply)
{
	enum dns_subnet_result asked = dns_client_subnet_read(scope, query_bytes, query);
	struct dns_client_subnet told;

	// What nobody asked for says nothing about our clients.
	if (asked == DNS_SUBNET_NONE)
		return true;
	switch (dns_client_subnet_read(&told, reply_bytes, reply)) {
	case DNS_SUBNET_NONE:
		// An upstream that knows nothing of it answers for everybody.
		*scope = (struct dns_client_subnet){0};
		return asked == DNS_SUBNET_GOOD;
	case DNS_SUBNET_GOOD:
		break;
	default:
		return false;
	}
	if (asked == DNS_SUBNET_BAD || told.family != scope->family ||
		told.source_length != scope->source_length ||
		memcmp(told.address, scope->address, sizeof(scope->address)) != 0)
		return false;
	dns_client_subnet_mask(scope, told.scope_length < scope->source_length
					      ? told.scope_length
					      : scope->source_length);
	return true;
}

uint16_t dns_client_subnet_append(
	uint8_t *bytes, uint16_t length, size_t room, const struct dns_client_subnet *subnet)
{
	struct byte_writer writer = byte_writer_make(bytes, room);
	size_t address_bytes = (subnet->source_length + 7U) / 8;
	size_t option_bytes = 4 + address_bytes;

	byte_writer_reserve(&writer, length);
	byte_writer_put_u16(&writer, DNS_OPTION_CLIENT_SUBNET);
	byte_writer_put_u16(&writer, (uint16_t)option_bytes);
	byte_writer_put_u16(&writer, subnet->family);
	byte_writer_put_u8(&writer, subnet->source_length);
	byte_writer_put_u8(&writer, subnet->scope_length);
	byte_writer_put(&writer, subnet->address, address_bytes);
	if (writer.failed)
		return 0;
	bytes_store_u16(bytes + length - 2, (uint16_t)(option_bytes + DNS_OPTION_HEADER_BYTES));
	return (uint16_t)byte_writer_length(&writer);
}
