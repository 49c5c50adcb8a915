// SPDX-License-Identifier: BSD-3-Clause
#include "frames.h"

#include "dns/message.h"

// With AD, which a cache asks for, so that an upstream gets what the client sent.
#define QUERY_FLAGS (DNS_FLAG_RD | DNS_FLAG_AD)
#define ANSWER_FLAGS (DNS_FLAG_QR | DNS_FLAG_RD | DNS_FLAG_RA)
#define RECORD_TTL (FRAMES_QUERY_BYTES + 6)
#define RECORD_ADDRESS (FRAMES_QUERY_BYTES + 12)

static const uint8_t suffix[FRAMES_SUFFIX_BYTES] = {
	5, 'b', 'e', 'n', 'c', 'h', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};
// The name by a pointer to the question, A, IN, five minutes, four bytes.
static const uint8_t record[12] = {0xc0, 12, 0, 1, 0, 1, 0, 0, 1, 44, 0, 4};

// From the query's template, with everything in it that its sums leave out at 0.
static void make_answer(struct frame_template *template)
{
	uint8_t *frame = template->answer;

	memcpy(frame, template->query, FRAMES_QUERY_BYTES);
	memset(frame + FRAMES_IP + 16, 0, 4);
	memset(frame + FRAMES_UDP, 0, 4);
	bytes_store_u16(frame + FRAMES_IP + 2, FRAMES_ANSWER_BYTES - FRAMES_IP);
	bytes_store_u16(frame + FRAMES_UDP + 4, FRAMES_ANSWER_BYTES - FRAMES_UDP);
	dns_bytes_set_flags(frame + FRAMES_DNS, ANSWER_FLAGS);
	bytes_store_u16(frame + FRAMES_DNS + 6, 1);
	memcpy(frame + FRAMES_QUERY_BYTES, record, sizeof(record));
	template->answer_ip_sum = net_checksum_ipv4_header(frame + FRAMES_IP);
}

static void write_headers(uint8_t *frame, const struct options *options)
{
	static const uint8_t mac[NET_MAC_BYTES] = {2, 0, 0, 0, 0x60, 2};
	static const uint8_t ip[12] = {
		0x45, 0, 0, FRAMES_QUERY_BYTES - FRAMES_IP, 0, 0, 0x40, 0, 64, 17};

	memcpy(frame, options->forwarder_mac.bytes, NET_MAC_BYTES);
	memcpy(frame + 6, mac, NET_MAC_BYTES);
	frame[12] = 8;
	memcpy(frame + FRAMES_IP, ip, sizeof(ip));
	memcpy(frame + FRAMES_IP + 16, net_address_ipv4(&options->forwarder), 4);
	frame[FRAMES_UDP + 3] = 53;
	frame[FRAMES_UDP + 5] = FRAMES_QUERY_BYTES - FRAMES_UDP;
}

void frames_make_template(struct frame_template *template, const struct options *options)
{
	uint8_t *frame = template->query;
	static const uint8_t nowhere[4];

	*template = (struct frame_template){
		.has_checksums = options->checksums == OPTION_CHECKSUMS_FULL};
	write_headers(frame, options);
	dns_bytes_set_flags(frame + FRAMES_DNS, QUERY_FLAGS);
	frame[FRAMES_DNS + 5] = 1;
	memcpy(frame + FRAMES_SUFFIX, suffix, sizeof(suffix));
	template->ip_sum = net_checksum_ipv4_header(frame + FRAMES_IP);
	template->udp_sum =
		net_checksum_add(net_checksum_ipv4_pseudo(nowhere, frame + FRAMES_IP + 16, 17,
					 FRAMES_QUERY_BYTES - FRAMES_UDP),
			frame + FRAMES_UDP, FRAMES_QUERY_BYTES - FRAMES_UDP);
	template->query_sum = net_checksum_add(
		net_checksum_ipv4_pseudo(nowhere, nowhere, 17, FRAMES_QUERY_BYTES - FRAMES_UDP),
		frame + FRAMES_UDP + 4, FRAMES_QUERY_BYTES - FRAMES_UDP - 4);
	// The length of a datagram counts twice; from the flags of a query to those of an answer, and
	// from no record to one.
	template->answer_sum = net_checksum_add(
		(uint64_t)2 * htobe16(FRAMES_RECORD_BYTES) +
			htobe16((uint16_t)(ANSWER_FLAGS - QUERY_FLAGS)) + htobe16(1),
		record, sizeof(record));
	make_answer(template);
}

// Of a frame whose other bytes were all compared. `more` is what it has beside a query's bytes.
static bool checksums_are_good(
	const struct frame_template *template, const uint8_t *data, uint64_t more)
{
	uint64_t sum = template->query_sum + more;
	uint16_t word;

	if (!template->has_checksums)
		return true;
	memcpy(&word, data + FRAMES_UDP + 6, sizeof(word));
	if (word == 0 ||
		net_checksum_fold(net_checksum_ipv4_header(data + FRAMES_IP)) != NET_CHECKSUM_GOOD)
		return false;
	sum += word;
	memcpy(&word, data + FRAMES_DNS, sizeof(word));
	sum += word;
	for (int i = 0; i < FRAMES_KEY_BYTES; i += 4)
		sum += net_checksum_word(data + FRAMES_KEY + i);
	sum += (uint64_t)net_checksum_word(data + FRAMES_IP + 12) +
	       net_checksum_word(data + FRAMES_IP + 16) + net_checksum_word(data + FRAMES_UDP);
	return net_checksum_fold(sum) == NET_CHECKSUM_GOOD;
}

// A cache counts the time to live down.
static bool is_record(const uint8_t *bytes)
{
	const size_t ttl = RECORD_TTL - FRAMES_QUERY_BYTES;

	return memcmp(bytes, record, ttl) == 0 &&
	       memcmp(bytes + ttl + 4, record + ttl + 4, sizeof(record) - ttl - 4) == 0 &&
	       bytes_load_u32(bytes + ttl) <= bytes_load_u32(record + ttl);
}

enum frame_check frames_check_answer(const struct frame_template *template, const uint8_t *data,
	uint16_t length, const struct frame_key *key)
{
	static const uint8_t header[10] = {ANSWER_FLAGS >> 8, ANSWER_FLAGS & 0xff, 0, 1, 0, 1};
	uint32_t address = frames_key_address(key);
	uint64_t more;

	// Between the same two as the query, the other way round.
	if (memcmp(data, template->query + 6, NET_MAC_BYTES) ||
		memcmp(data + 6, template->query, NET_MAC_BYTES) ||
		memcmp(data + FRAMES_IP + 12, template->query + FRAMES_IP + 16, 4) ||
		bytes_load_u16(data + FRAMES_UDP) != 53)
		return FRAME_WRONG;
	if (data[FRAMES_DNS + 2] & 0x80 && data[FRAMES_DNS + 3] & 0x0f)
		return FRAME_ERROR;
	if (length != FRAMES_ANSWER_BYTES ||
		bytes_load_u16(data + FRAMES_IP + 2) != FRAMES_ANSWER_BYTES - FRAMES_IP ||
		bytes_load_u16(data + FRAMES_UDP + 4) != FRAMES_ANSWER_BYTES - FRAMES_UDP ||
		memcmp(data + FRAMES_DNS + 2, header, sizeof(header)) ||
		memcmp(data + FRAMES_KEY, key, FRAMES_KEY_BYTES) ||
		memcmp(data + FRAMES_SUFFIX, suffix, sizeof(suffix)) ||
		!is_record(data + FRAMES_QUERY_BYTES) ||
		memcmp(data + RECORD_ADDRESS, &address, sizeof(address)))
		return FRAME_WRONG;
	// With the TTL as it is in place of the one that was sent.
	more = template->answer_sum + address + net_checksum_word(data + RECORD_TTL) +
	       (uint32_t)~net_checksum_word(record + RECORD_TTL - FRAMES_QUERY_BYTES);
	return checksums_are_good(template, data, more) ? FRAME_GOOD : FRAME_WRONG;
}

bool frames_is_query(const struct frame_template *template, const uint8_t *data, uint16_t length)
{
	return length == FRAMES_QUERY_BYTES &&
	       memcmp(data + FRAMES_IP + 2, template->query + FRAMES_IP + 2, 2) == 0 &&
	       memcmp(data + FRAMES_UDP + 4, template->query + FRAMES_UDP + 4, 2) == 0 &&
	       memcmp(data + FRAMES_DNS + 2, template->query + FRAMES_DNS + 2, 10) == 0 &&
	       memcmp(data + FRAMES_SUFFIX, suffix, sizeof(suffix)) == 0 &&
	       checksums_are_good(template, data, 0);
}

static void swap(uint8_t *a, uint8_t *b, size_t length)
{
	uint8_t kept[NET_MAC_BYTES];

	memcpy(kept, a, length);
	memcpy(a, b, length);
	memcpy(b, kept, length);
}

// Adds to what a checksum is the complement of (RFC 1624, equation 3).
static uint16_t checksum_add(uint16_t checksum, uint64_t more)
{
	return (uint16_t)~net_checksum_fold((uint16_t)~checksum + more);
}

static uint64_t changed_u16(uint16_t from, uint16_t to)
{
	return (uint64_t)(uint16_t)~htobe16(from) + htobe16(to);
}

uint16_t frames_remove_opt(const struct frame_template *template, uint8_t *data, uint16_t length)
{
	static const uint8_t root_and_type[3] = {0, 0, DNS_TYPE_OPT};
	const uint16_t less = FRAMES_QUERY_BYTES;
	const uint8_t *opt = data + FRAMES_QUERY_BYTES;
	uint64_t change = changed_u16(length - FRAMES_UDP, less - FRAMES_UDP);
	uint16_t checksum;

	if (length != FRAMES_QUERY_BYTES + FRAMES_OPT_BYTES ||
		bytes_load_u16(data + FRAMES_IP + 2) != length - FRAMES_IP ||
		bytes_load_u16(data + FRAMES_UDP + 4) != length - FRAMES_UDP ||
		bytes_load_u16(data + FRAMES_DNS + 10) != 1 ||
		memcmp(opt, root_and_type, sizeof(root_and_type)) != 0 ||
		bytes_load_u16(opt + FRAMES_OPT_BYTES - 2) != 0)
		return length;
	memcpy(&checksum, data + FRAMES_IP + 10, sizeof(checksum));
	checksum = checksum_add(checksum, changed_u16(length - FRAMES_IP, less - FRAMES_IP));
	memcpy(data + FRAMES_IP + 10, &checksum, sizeof(checksum));
	bytes_store_u16(data + FRAMES_IP + 2, less - FRAMES_IP);
	bytes_store_u16(data + FRAMES_UDP + 4, less - FRAMES_UDP);
	bytes_store_u16(data + FRAMES_DNS + 10, 0);
	if (!template->has_checksums)
		return less;
	// The length counts twice.
	change += change + changed_u16(1, 0) +
		  (uint16_t)~net_checksum_fold(net_checksum_add(0, opt, FRAMES_OPT_BYTES));
	memcpy(&checksum, data + FRAMES_UDP + 6, sizeof(checksum));
	checksum = checksum_add(checksum, change);
	checksum = checksum ? checksum : 0xffff;
	memcpy(data + FRAMES_UDP + 6, &checksum, sizeof(checksum));
	return less;
}

void frames_turn_into_answer(const struct frame_template *template, uint8_t *data)
{
	struct frame_key key;
	uint32_t address;
	uint16_t checksum;

	swap(data, data + 6, NET_MAC_BYTES);
	swap(data + FRAMES_IP + 12, data + FRAMES_IP + 16, 4);
	swap(data + FRAMES_UDP, data + FRAMES_UDP + 2, 2);
	bytes_store_u16(data + FRAMES_IP + 2, FRAMES_ANSWER_BYTES - FRAMES_IP);
	memcpy(&checksum, data + FRAMES_IP + 10, sizeof(checksum));
	checksum = checksum_add(checksum, htobe16(FRAMES_RECORD_BYTES));
	memcpy(data + FRAMES_IP + 10, &checksum, sizeof(checksum));
	bytes_store_u16(data + FRAMES_UDP + 4, FRAMES_ANSWER_BYTES - FRAMES_UDP);
	dns_bytes_set_flags(data + FRAMES_DNS, ANSWER_FLAGS);
	bytes_store_u16(data + FRAMES_DNS + 6, 1);
	memcpy(&key, data + FRAMES_KEY, sizeof(key));
	address = frames_key_address(&key);
	memcpy(data + FRAMES_QUERY_BYTES, record, sizeof(record));
	memcpy(data + RECORD_ADDRESS, &address, sizeof(address));
	memcpy(&checksum, data + FRAMES_UDP + 6, sizeof(checksum));
	if (template->has_checksums) {
		checksum = checksum_add(checksum, template->answer_sum + address);
		checksum = checksum ? checksum : 0xffff;
	} else {
		checksum = 0;
	}
	memcpy(data + FRAMES_UDP + 6, &checksum, sizeof(checksum));
}

struct frame_asked frames_read_asked(const uint8_t *query)
{
	struct frame_asked asked;

	memcpy(&asked.source, query + FRAMES_IP + 12, sizeof(asked.source));
	memcpy(&asked.destination, query + FRAMES_IP + 16, sizeof(asked.destination));
	memcpy(&asked.ports, query + FRAMES_UDP, sizeof(asked.ports));
	memcpy(&asked.id, query + FRAMES_DNS, sizeof(asked.id));
	memcpy(&asked.key, query + FRAMES_KEY, sizeof(asked.key));
	return asked;
}

void frames_write_answer(
	const struct frame_template *template, uint8_t *data, const struct frame_asked *asked)
{
	const uint32_t address = frames_key_address(&asked->key);
	const uint32_t ports = asked->ports >> 16 | asked->ports << 16;
	const uint64_t addresses = (uint64_t)asked->source + asked->destination;
	uint16_t checksum = (uint16_t)~net_checksum_fold(template->answer_ip_sum + addresses);

	memcpy(data, template->answer, FRAMES_ANSWER_BYTES);
	memcpy(data + FRAMES_IP + 10, &checksum, sizeof(checksum));
	memcpy(data + FRAMES_IP + 12, &asked->destination, sizeof(asked->destination));
	memcpy(data + FRAMES_IP + 16, &asked->source, sizeof(asked->source));
	memcpy(data + FRAMES_UDP, &ports, sizeof(ports));
	memcpy(data + FRAMES_DNS, &asked->id, sizeof(asked->id));
	memcpy(data + FRAMES_KEY, &asked->key, sizeof(asked->key));
	memcpy(data + RECORD_ADDRESS, &address, sizeof(address));
	if (!template->has_checksums)
		return;
	checksum = (uint16_t)~net_checksum_fold(
		template->query_sum + template->answer_sum + addresses + ports + asked->id +
		asked->key.words[0] + asked->key.words[1] + asked->key.words[2] + address);
	checksum = checksum ? checksum : 0xffff;
	memcpy(data + FRAMES_UDP + 6, &checksum, sizeof(checksum));
}
