// SPDX-License-Identifier: BSD-3-Clause
// usage: nic_echo EAL... -- [--serve ADDRESS PORT] [--local ADDRESS] [--ports FIRST LAST]
//                           [--upstream ADDRESS PORT] [--drivers FOLDER]
//
// The least that uses every port: sends each datagram to a served endpoint back, says on stdout
// what else came that is ours, one line each, and on SIGTERM closes the ports. A command line on
// stdin "serve ADDRESS PORT" replaces what is served.
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_lcore.h>

#include "nic/eal_arguments.h"
#include "nic/nic.h"

#define RULES_MOST 16

static volatile sig_atomic_t is_ending;

struct rules {
	struct net_endpoint served[RULES_MOST];
	struct net_address local[RULES_MOST];
	struct net_endpoint upstreams[RULES_MOST];
	struct nic_filter_rules filter;
	const char *drivers;
};

static void end(int signal)
{
	(void)signal;
	is_ending = 1;
}

static _Noreturn void fail(const char *text)
{
	fprintf(stderr, "nic_echo: %s\n", text);
	exit(1);
}

static struct net_address address_of(const char *text)
{
	struct net_address address;

	if (net_address_parse(text, &address))
		fail(text);
	return address;
}

static void rules_read(int argc, char **argv, struct rules *rules)
{
	struct nic_filter_rules *filter = &rules->filter;

	filter->served = rules->served;
	filter->local = rules->local;
	filter->upstreams = rules->upstreams;
	for (int i = 0; i < argc; i++) {
		const char *first = i + 1 < argc ? argv[i + 1] : "";
		const char *second = i + 2 < argc ? argv[i + 2] : "";

		if (strcmp(argv[i], "--serve") == 0) {
			rules->served[filter->served_count++] =
				(struct net_endpoint){address_of(first), (uint16_t)atoi(second)};
		} else if (strcmp(argv[i], "--local") == 0) {
			rules->local[filter->local_count++] = address_of(first);
		} else if (strcmp(argv[i], "--upstream") == 0) {
			rules->upstreams[filter->upstream_count++] =
				(struct net_endpoint){address_of(first), (uint16_t)atoi(second)};
		} else if (strcmp(argv[i], "--ports") == 0) {
			filter->local_port_first = (uint16_t)atoi(first);
			filter->local_port_last = (uint16_t)atoi(second);
		} else if (strcmp(argv[i], "--drivers") == 0) {
			rules->drivers = first;
		}
	}
}

static bool is_served(const struct rules *rules, const struct net_endpoint *endpoint)
{
	for (size_t i = 0; i < rules->filter.served_count; i++) {
		if (net_endpoint_equal(&rules->served[i], endpoint))
			return true;
	}
	return false;
}

static void say(const char *what, const struct net_endpoint *from, const struct net_endpoint *to)
{
	char source[NET_ENDPOINT_TEXT], destination[NET_ENDPOINT_TEXT];

	printf("%s %s %s\n", what, net_endpoint_format(from, source),
		net_endpoint_format(to, destination));
	fflush(stdout);
}

// True when the frame was sent on.
static bool frame_handle(struct nic *nic, const struct rules *rules, struct net_frame *frame)
{
	struct net_quoted_datagram quoted;
	struct net_flow flow;
	enum net_frame_kind kind = net_frame_parse(frame);

	if (kind == NET_FRAME_ICMP_ERROR && net_frame_parse_quote(frame, &quoted) == 0)
		say("icmp", &quoted.source, &quoted.destination);
	if (kind == NET_FRAME_FRAGMENT)
		puts("fragment"), fflush(stdout);
	if (kind == NET_FRAME_BAD_CHECKSUM)
		puts("checksum"), fflush(stdout);
	if (kind != NET_FRAME_UDP)
		return false;
	if (!is_served(rules, &frame->destination)) {
		say("udp", &frame->source, &frame->destination);
		return false;
	}
	net_frame_flow_back(frame, &flow);
	if (net_frame_write_headers(frame, &flow, nic_port_info(nic, flow.port)->tx_offload))
		return false;
	nic_port_send(nic, flow.port, 0, frame, 1);
	return true;
}

static void poll_once(struct nic *nic, const struct rules *rules)
{
	struct net_frame frames[NIC_BURST];

	for (uint16_t port = 0; port < nic_port_count(nic); port++) {
		uint16_t count = nic_port_receive(nic, port, 0, frames, NIC_BURST);

		for (uint16_t i = 0; i < count; i++) {
			if (!frame_handle(nic, rules, &frames[i]))
				nic_frame_free(nic, &frames[i], 1);
		}
		if (count == 0)
			usleep(50);
	}
}

static void rules_set(struct nic *nic, const struct rules *rules)
{
	for (uint16_t port = 0; port < nic_port_count(nic); port++) {
		if (nic_filter_set(nic, port, &rules->filter))
			fail("nic_filter_set");
	}
	puts("ready");
	fflush(stdout);
}

static void commands_read(struct nic *nic, struct rules *rules)
{
	char line[128], address[64];
	unsigned int port;
	ssize_t length = read(STDIN_FILENO, line, sizeof(line) - 1);

	if (length <= 0)
		return;
	line[length] = '\0';
	if (sscanf(line, "serve %63s %u", address, &port) != 2)
		fail(line);
	rules->served[0] = (struct net_endpoint){address_of(address), (uint16_t)port};
	rules->filter.served_count = 1;
	rules_set(nic, rules);
}

int main(int argc, char **argv)
{
	struct rules rules = {0};
	struct nic_eal_arguments eal;
	struct nic_error error;
	struct nic *nic;
	unsigned int lcores[1];
	int eal_argc = 0;

	while (eal_argc < argc && strcmp(argv[eal_argc], "--") != 0)
		eal_argc++;
	rules_read(argc - eal_argc, argv + eal_argc, &rules);
	if (nic_eal_arguments_make(eal_argc, argv, 0, &eal, &error))
		fail(error.text);
	if (rte_eal_init(eal.argc, eal.argv) < 0)
		fail("rte_eal_init");
	lcores[0] = rte_lcore_id();
	nic = nic_open(
		&(struct nic_options){
			.queues = 1, .lcores = lcores, .drivers_folder = rules.drivers},
		&error);
	if (!nic)
		fail(error.text);
	nic_eal_arguments_free(&eal);
	signal(SIGTERM, end);
	if (fcntl(STDIN_FILENO, F_SETFL, O_NONBLOCK))
		fail("stdin");
	rules_set(nic, &rules);
	while (!is_ending) {
		poll_once(nic, &rules);
		commands_read(nic, &rules);
	}
	nic_close(nic);
	rte_eal_cleanup();
	puts("closed");
	return 0;
}
