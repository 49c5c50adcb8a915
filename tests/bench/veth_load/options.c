// SPDX-License-Identifier: BSD-3-Clause
#include "options.h"

#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "load.h"

static const char help[] =
	"usage: millrace-veth-load --forwarder ADDRESS --forwarder-mac MAC [option...]\n"
	"\n"
	"Plays the clients and the upstream of a forwarder at the other end of a veth pair, in "
	"the\n"
	"kernel on one CPU, and says as JSON what came back. An answer is followed by that "
	"client's\n"
	"next query, of another name each. Clients are 10.61.0.0 and up, the upstream is "
	"10.60.0.2;\n"
	"nobody answers ARP for them.\n"
	"\n"
	"  --interface NAME     this end of the pair (eth0)\n"
	"  --window N           queries in flight, at most as many as veth holds (128)\n"
	"  --rate N             a second, whatever comes back, instead of one after another\n"
	"  --names N            asked again and again, instead of each but once\n"
	"  --warm-up N, --time N  milliseconds before what is measured (300), and of it (700)\n"
	"  --cpu N              of the load (0)\n"
	"  --forwarder-cpu N    whose busy time is measured (1)\n"
	"  --real-time          the load goes before all else on its CPU\n"
	"  --upstream-only      answers, and asks nothing, until a signal comes\n"
	"  --json FILE\n";

enum option_name {
	OPTION_INTERFACE,
	OPTION_FORWARDER,
	OPTION_FORWARDER_MAC,
	OPTION_WINDOW,
	OPTION_RATE,
	OPTION_NAMES,
	OPTION_WARM_UP,
	OPTION_TIME,
	OPTION_CPU,
	OPTION_FORWARDER_CPU,
	OPTION_REAL_TIME,
	OPTION_UPSTREAM_ONLY,
	OPTION_JSON,
	OPTION_HELP,
};

static const struct option known[] = {
	{"interface", required_argument, NULL, OPTION_INTERFACE},
	{"forwarder", required_argument, NULL, OPTION_FORWARDER},
	{"forwarder-mac", required_argument, NULL, OPTION_FORWARDER_MAC},
	{"window", required_argument, NULL, OPTION_WINDOW},
	{"rate", required_argument, NULL, OPTION_RATE},
	{"names", required_argument, NULL, OPTION_NAMES},
	{"warm-up", required_argument, NULL, OPTION_WARM_UP},
	{"time", required_argument, NULL, OPTION_TIME},
	{"cpu", required_argument, NULL, OPTION_CPU},
	{"forwarder-cpu", required_argument, NULL, OPTION_FORWARDER_CPU},
	{"real-time", no_argument, NULL, OPTION_REAL_TIME},
	{"upstream-only", no_argument, NULL, OPTION_UPSTREAM_ONLY},
	{"json", required_argument, NULL, OPTION_JSON},
	{"help", no_argument, NULL, OPTION_HELP},
	{0},
};

static int parse_number(const char *text, uint32_t least, uint32_t most, uint32_t *number)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || value < least || value > most)
		return -EINVAL;
	*number = (uint32_t)value;
	return 0;
}

static int parse_cpu(const char *text, int *cpu)
{
	uint32_t number;
	int error = parse_number(text, 0, 1023, &number);

	if (!error)
		*cpu = (int)number;
	return error;
}

static int parse_mac(const char *text, uint8_t mac[6])
{
	char rest;

	return sscanf(text, "%2hhx:%2hhx:%2hhx:%2hhx:%2hhx:%2hhx%c", &mac[0], &mac[1], &mac[2],
		       &mac[3], &mac[4], &mac[5], &rest) == 6
		       ? 0
		       : -EINVAL;
}

static int parse_value(struct options *options, int option, const char *text)
{
	switch (option) {
	case OPTION_INTERFACE:
		options->interface = text;
		return 0;
	case OPTION_FORWARDER:
		return inet_pton(AF_INET, text, options->forwarder) == 1 ? 0 : -EINVAL;
	case OPTION_FORWARDER_MAC:
		return parse_mac(text, options->forwarder_mac);
	case OPTION_WINDOW:
		return parse_number(text, 1, LOAD_SLOTS, &options->window);
	case OPTION_RATE:
		return parse_number(text, 1, 1000000, &options->rate);
	case OPTION_NAMES:
		return parse_number(text, 1, 1000000, &options->name_count);
	case OPTION_WARM_UP:
		return parse_number(text, 0, 60000, &options->warm_up);
	case OPTION_TIME:
		return parse_number(text, 1, 60000, &options->time);
	case OPTION_CPU:
		return parse_cpu(text, &options->cpu);
	case OPTION_FORWARDER_CPU:
		return parse_cpu(text, &options->forwarder_cpu);
	case OPTION_REAL_TIME:
		options->is_real_time = true;
		return 0;
	case OPTION_UPSTREAM_ONLY:
		options->is_upstream_only = true;
		return 0;
	case OPTION_JSON:
		options->json = text;
		return 0;
	default:
		return -EINVAL;
	}
}

int options_parse(struct options *options, int argc, char *argv[])
{
	int option;

	*options = (struct options){
		.interface = "eth0",
		.window = 128,
		.warm_up = 300,
		.time = 700,
		.forwarder_cpu = 1,
	};
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == OPTION_HELP) {
			fputs(help, stdout);
			exit(0);
		}
		if (option == '?' || parse_value(options, option, optarg)) {
			log_error("--%s: see --help", option == '?' ? "?" : known[option].name);
			return -EINVAL;
		}
	}
	if (optind < argc) {
		log_error("unexpected argument %s", argv[optind]);
		return -EINVAL;
	}
	return 0;
}
