// SPDX-License-Identifier: BSD-3-Clause
// The frames of the benchmark: one shape of query and one of answer, IPv4 without options, made
// by copying a template and editing what differs, so that the generator costs less than what it
// measures. A query asks for the A record of KEY.bench.test; the answer's address is computed
// from the key, so that an answer to another question is found out.
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "net/address.h"
#include "net/checksum.h"
#include "options.h"

#define FRAMES_QUERY_BYTES 82
#define FRAMES_RECORD_BYTES 16
#define FRAMES_OPT_BYTES 11 // without options
#define FRAMES_ANSWER_BYTES (FRAMES_QUERY_BYTES + FRAMES_RECORD_BYTES)

#define FRAMES_IP 14
#define FRAMES_UDP 34
#define FRAMES_DNS 42
#define FRAMES_KEY (FRAMES_DNS + 12)
#define FRAMES_KEY_BYTES 12
#define FRAMES_SUFFIX (FRAMES_KEY + FRAMES_KEY_BYTES)
#define FRAMES_SUFFIX_BYTES (FRAMES_QUERY_BYTES - FRAMES_SUFFIX)

#define FRAMES_CLIENTS_MOST 65536 // 10.61.0.0/16
#define FRAMES_UPSTREAMS_MOST 250 // 10.60.0.2 and up
#define FRAMES_CLIENT_PORT 1024 // the lowest

// The first label of a name as it stands in a message: its length and 11 hexadecimal digits.
struct frame_key {
	uint32_t words[FRAMES_KEY_BYTES / 4];
};

// Its sums leave out what differs from frame to frame, so that a checksum takes a few additions.
struct frame_template {
	uint8_t query[FRAMES_QUERY_BYTES];
	uint8_t answer[FRAMES_ANSWER_BYTES];
	uint64_t answer_ip_sum; // of the answer's IP header without either address
	uint64_t ip_sum; // of the query's IP header without source
	uint64_t udp_sum; // of the query's pseudo header and datagram without source, id and key
	uint64_t query_sum; // as udp_sum, but without either address and port
	uint64_t answer_sum; // what an answer has more than its query, without the address in it
	bool has_checksums;
};

// A client's side of a query.
struct frame_client {
	uint32_t address; // index
	uint16_t port; // index
	uint16_t id;
};

// What of a query its answer takes over, as it stands in the frame.
struct frame_asked {
	uint32_t source;
	uint32_t destination;
	uint32_t ports;
	uint16_t id;
	struct frame_key key;
};

enum frame_check {
	FRAME_GOOD,
	FRAME_ERROR, // an answer with an RCODE other than NOERROR, of whatever shape
	FRAME_WRONG,
};

void frames_make_template(struct frame_template *template, const struct options *options);

// Eight hexadecimal digits as characters, the lowest in the lowest byte, all at once.
static inline uint64_t frames_digits(uint32_t number)
{
	uint64_t digits = number, letters;

	digits = (digits | digits << 16) & UINT64_C(0x0000ffff0000ffff);
	digits = (digits | digits << 8) & UINT64_C(0x00ff00ff00ff00ff);
	digits = (digits | digits << 4) & UINT64_C(0x0f0f0f0f0f0f0f0f);
	letters = (digits + UINT64_C(0x0606060606060606)) >> 4 & UINT64_C(0x0101010101010101);
	return digits + UINT64_C(0x3030303030303030) + letters * ('a' - '0' - 10);
}

// Of the number's lowest 44 bits, the lowest digit first.
static inline struct frame_key frames_key(uint64_t number)
{
	uint64_t low = htole64(frames_digits((uint32_t)number) << 8 | (FRAMES_KEY_BYTES - 1));
	uint32_t high = htole32((uint32_t)frames_digits((uint32_t)(number >> 28)));
	struct frame_key key;

	memcpy(&key.words[0], &low, sizeof(low));
	key.words[2] = high;
	return key;
}

// The address that answers a key.
static inline uint32_t frames_key_address(const struct frame_key *key)
{
	return (key->words[0] * 31 + key->words[1]) * 31 + key->words[2];
}

// Writes a query of FRAMES_QUERY_BYTES.
static inline void frames_write_query(const struct frame_template *template, uint8_t *data,
	const struct frame_client *client, const struct frame_key *key)
{
	const uint32_t address = htobe32(UINT32_C(0x0a3d0000) | client->address);
	const uint16_t port = htobe16((uint16_t)(FRAMES_CLIENT_PORT + client->port));
	const uint16_t id = htobe16(client->id);
	uint16_t checksum;

	memcpy(data, template->query, FRAMES_QUERY_BYTES);
	memcpy(data + FRAMES_IP + 12, &address, sizeof(address));
	checksum = (uint16_t)~net_checksum_fold(template->ip_sum + address);
	memcpy(data + FRAMES_IP + 10, &checksum, sizeof(checksum));
	memcpy(data + FRAMES_UDP, &port, sizeof(port));
	memcpy(data + FRAMES_DNS, &id, sizeof(id));
	memcpy(data + FRAMES_KEY, key, FRAMES_KEY_BYTES);
	if (!template->has_checksums)
		return;
	checksum = (uint16_t)~net_checksum_fold(template->udp_sum + address + port + id +
						key->words[0] + key->words[1] + key->words[2]);
	checksum = checksum ? checksum : 0xffff;
	memcpy(data + FRAMES_UDP + 6, &checksum, sizeof(checksum));
}

// True if the frame may be read by the functions below: IPv4 without options, UDP, long enough.
static inline bool frames_is_udp(const uint8_t *data, uint16_t length)
{
	return length >= FRAMES_KEY && data[12] == 8 && data[13] == 0 && data[FRAMES_IP] == 0x45 &&
	       data[FRAMES_IP + 9] == 17;
}

// By QR, not by its port, so that a device that only turns addresses round stands as well
// between clients and upstreams.
static inline bool frames_is_to_upstream(const uint8_t *data)
{
	return !(data[FRAMES_DNS + 2] & 0x80);
}

// Whose answer this is.
static inline struct frame_client frames_client(const uint8_t *data)
{
	struct frame_client client;
	uint32_t address;
	uint16_t port, id;

	memcpy(&address, data + FRAMES_IP + 16, sizeof(address));
	memcpy(&port, data + FRAMES_UDP + 2, sizeof(port));
	memcpy(&id, data + FRAMES_DNS, sizeof(id));
	client.address = be32toh(address) - UINT32_C(0x0a3d0000);
	client.port = (uint16_t)(be16toh(port) - FRAMES_CLIENT_PORT);
	client.id = be16toh(id);
	return client;
}

// What an answer to the query with this key is worth. Id, port and address are the caller's.
enum frame_check frames_check_answer(const struct frame_template *template, const uint8_t *data,
	uint16_t length, const struct frame_key *key);

// True if the frame is a query of ours to an upstream, as a forwarder sends it on.
bool frames_is_query(const struct frame_template *template, const uint8_t *data, uint16_t length);

// A query of ours with an OPT record behind it, which a cache adds, becomes one without; checksums
// stay as right or wrong as they are. Returns the length, as it was for all other frames.
uint16_t frames_remove_opt(const struct frame_template *template, uint8_t *data, uint16_t length);

// Turns such a query into its answer, FRAMES_RECORD_BYTES longer.
void frames_turn_into_answer(const struct frame_template *template, uint8_t *data);

// The same in two steps, with another buffer.
struct frame_asked frames_read_asked(const uint8_t *query);
void frames_write_answer(
	const struct frame_template *template, uint8_t *data, const struct frame_asked *asked);
