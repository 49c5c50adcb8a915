// SPDX-License-Identifier: BSD-3-Clause
#include "client.h"

#include <errno.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "base/atomic.h"
#include "base/bytes.h"
#include "base/log.h"
#include "net/checksum.h"

// So that no name is asked twice: the kernel's part counts from another number.
#define OUR_NAMES (UINT64_C(1) << 43)
#define NAME_MASK (OUR_NAMES - 1)

static int read_mac(int socket, const char *interface, uint8_t mac[6])
{
	struct ifreq request = {0};

	snprintf(request.ifr_name, sizeof(request.ifr_name), "%s", interface);
	if (ioctl(socket, SIOCGIFHWADDR, &request))
		return -errno;
	memcpy(mac, request.ifr_hwaddr.sa_data, 6);
	return 0;
}

static int socket_open(const char *interface)
{
	struct sockaddr_ll address = {
		.sll_family = AF_PACKET,
		.sll_ifindex = (int)if_nametoindex(interface),
	};
	int file = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (file < 0)
		return -errno;
	if (bind(file, (const struct sockaddr *)&address, sizeof(address))) {
		int error = -errno;

		close(file);
		return error;
	}
	return file;
}

static void write_template(uint8_t *frame, const struct options *options, const uint8_t own_mac[6])
{
	static const uint8_t ip[12] = {
		0x45, 0, 0, LOAD_QUERY_BYTES - LOAD_IP, 0, 0, 0x40, 0, 64, 17};
	static const uint8_t suffix[LOAD_SUFFIX_BYTES] = {
		5, 'b', 'e', 'n', 'c', 'h', 4, 't', 'e', 's', 't', 0, 0, 1, 0, 1};

	memset(frame, 0, LOAD_QUERY_BYTES);
	memcpy(frame, options->forwarder_mac, 6);
	memcpy(frame + 6, own_mac, 6);
	bytes_store_u16(frame + 12, ETHERTYPE_IP);
	memcpy(frame + LOAD_IP, ip, sizeof(ip));
	memcpy(frame + LOAD_IP + 16, options->forwarder, 4);
	bytes_store_u16(frame + LOAD_UDP + 2, 53);
	bytes_store_u16(frame + LOAD_UDP + 4, LOAD_QUERY_BYTES - LOAD_UDP);
	bytes_store_u16(frame + LOAD_DNS + 2, 0x0100); // RD
	bytes_store_u16(frame + LOAD_DNS + 4, 1);
	frame[LOAD_KEY - 1] = LOAD_KEY_BYTES;
	memcpy(frame + LOAD_SUFFIX, suffix, sizeof(suffix));
}

int client_open(struct client *client, struct load_state *state, const struct options *options)
{
	struct timespec now;
	uint8_t mac[6];
	int status;

	clock_gettime(CLOCK_REALTIME, &now);
	*client = (struct client){.state = state};
	client->socket = socket_open(options->interface);
	status = client->socket < 0 ? client->socket
				    : read_mac(client->socket, options->interface, mac);
	if (status) {
		log_error("%s: no packet socket: %s", options->interface, strerror(-status));
		return status;
	}
	write_template(state->query, options, mac);
	state->name_count = options->name_count;
	// A forwarder that is asked a second time may remember.
	state->next_name =
		((uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000) & NAME_MASK;
	client->next_name = state->next_name | OUR_NAMES;
	return 0;
}

void client_close(struct client *client)
{
	if (client->socket > 0)
		close(client->socket);
}

static void write_checksums(uint8_t *frame)
{
	uint16_t length = LOAD_QUERY_BYTES - LOAD_UDP;
	uint16_t checksum = (uint16_t)~net_checksum_fold(net_checksum_ipv4_header(frame + LOAD_IP));
	uint64_t sum =
		net_checksum_ipv4_pseudo(frame + LOAD_IP + 12, frame + LOAD_IP + 16, 17, length);

	memcpy(frame + LOAD_IP + 10, &checksum, sizeof(checksum));
	checksum = (uint16_t)~net_checksum_fold(net_checksum_add(sum, frame + LOAD_UDP, length));
	checksum = checksum ? checksum : 0xffff;
	memcpy(frame + LOAD_UDP + 6, &checksum, sizeof(checksum));
}

static int ask(struct client *client, uint32_t index, uint64_t now)
{
	struct load_slot *slot = &client->state->slots[index];
	uint64_t count = client->state->name_count;
	uint64_t number = count ? client->next_name++ % count : client->next_name++;
	uint8_t frame[LOAD_QUERY_BYTES];

	memcpy(frame, client->state->query, sizeof(frame));
	bytes_store_u32(frame + LOAD_IP + 12, LOAD_CLIENTS + index % LOAD_CLIENT_ADDRESSES);
	bytes_store_u16(
		frame + LOAD_UDP, (uint16_t)(LOAD_CLIENT_PORT + index / LOAD_CLIENT_ADDRESSES));
	for (int i = 0; i < LOAD_KEY_BYTES; i++, number >>= 4)
		slot->key[i] = (uint8_t) "0123456789abcdef"[number & 15];
	bytes_store_u16(frame + LOAD_DNS, ++slot->id);
	memcpy(frame + LOAD_KEY, slot->key, LOAD_KEY_BYTES);
	write_checksums(frame);
	slot->sent_at = now;
	slot->is_in_flight = 1;
	client->sent++;
	return send(client->socket, frame, sizeof(frame), 0) == (ssize_t)sizeof(frame) ? 0 : -errno;
}

int client_ask(struct client *client, uint32_t slots, uint64_t now)
{
	int error = 0;

	for (uint32_t i = 0; i < slots && !error; i++)
		error = ask(client, i, now);
	return error;
}

int client_ask_one(struct client *client, uint32_t slots, uint64_t now)
{
	for (uint32_t i = 0; i < slots; i++) {
		uint32_t index = (client->next_slot + i) % slots;

		if (base_load(&client->state->slots[index].is_in_flight))
			continue;
		client->next_slot = index + 1;
		return ask(client, index, now);
	}
	return 0;
}

static bool is_late(const struct load_slot *slot, uint64_t then)
{
	return slot->is_in_flight && slot->sent_at < then;
}

static void give_up(struct client *client, struct load_slot *slot)
{
	slot->is_in_flight = 0;
	slot->is_given_up = 1;
	client->lost++;
}

void client_give_up(struct client *client, uint32_t slots, uint64_t then)
{
	for (uint32_t i = 0; i < slots; i++) {
		if (is_late(&client->state->slots[i], then))
			give_up(client, &client->state->slots[i]);
	}
}

int client_ask_again(struct client *client, uint32_t slots, uint64_t then, uint64_t now)
{
	int error = 0;

	for (uint32_t i = 0; i < slots && !error; i++) {
		if (!is_late(&client->state->slots[i], then))
			continue;
		give_up(client, &client->state->slots[i]);
		error = ask(client, i, now);
	}
	return error;
}

uint32_t client_in_flight(const struct client *client, uint32_t slots)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < slots; i++)
		count += base_load(&client->state->slots[i].is_in_flight);
	return count;
}
