// SPDX-License-Identifier: BSD-3-Clause
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <rte_ether.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/compiler.h"
#include "base/log.h"
#include "frames.h"
#include "link.h"
#include "report.h"

static const char help[] =
	"usage: millrace-generator EAL... -- [options]\n"
	"\n"
	"Plays the clients and the upstreams of a forwarder on one port and one core, and says as\n"
	"JSON what came back. Clients are 10.61.0.0 and up, upstreams 10.60.0.2 and up, all at "
	"the\n"
	"MAC 02:00:00:00:60:02; nobody answers ARP. A device that only turns addresses round can\n"
	"stand in the forwarder's place: it sends each query to an upstream, so to say.\n"
	"\n"
	"  --rate N             queries a second (0: as fast as answers come back)\n"
	"  --window N           in flight at most (512)\n"
	"  --delay N            of the upstreams, in microseconds (0)\n"
	"  --warm-up N, --time N  milliseconds before what is measured (1000), and of it (3000)\n"
	"  --windows N          how often, each with its warm-up (1)\n"
	"  --patience N         milliseconds after which a query is lost, and for which one that\n"
	"                       has no answer at the end of its window is waited for (6000)\n"
	"  --names different|uniform|zipf\n"
	"  --name-count N       of uniform and zipf (65536)\n"
	"  --new-names N        percent of the queries that ask for a name of their own (0)\n"
	"  --fill N             how often each name of uniform and zipf is asked before the first\n"
	"                       window, which counts for nothing (0)\n"
	"  --clients N          addresses, a power of two (256)\n"
	"  --client-ports N     of each address, a power of two (64)\n"
	"  --upstreams N        (1)\n"
	"  --queues N           to spread frames over by Toeplitz RSS (1)\n"
	"  --rss-key HEX        of 40 bytes\n"
	"  --checksums full|none\n"
	"  --forwarder ADDRESS  (10.60.0.1)\n"
	"  --forwarder-mac MAC  (02:00:00:00:60:01)\n"
	"  --circulate          sends the same frames again and again, as many as the window has,\n"
	"                       and counts what a testpmd in 5tswap mode turns round\n"
	"  --real-time          begins when standard input brings the id of the forwarder's "
	"thread;\n"
	"                       both threads then go before all others until all is measured\n"
	"  --stay               when all is written, until a signal comes: memif crashes who "
	"polls\n"
	"                       it when the other side goes away\n"
	"  --json FILE          appears when it is whole\n";

struct number_option {
	const char *name;
	size_t offset; // in struct options
	uint32_t least;
	uint32_t most;
	bool is_power_of_two;
};

#define NUMBER(name, field, least, most, power)                                                    \
	{                                                                                          \
		name, offsetof(struct options, field), least, most, power                          \
	}

static const struct number_option numbers[] = {
	NUMBER("window", window, 1, 1u << 22, false),
	NUMBER("delay", delay, 0, 10000000, false),
	NUMBER("warm-up", warm_up, 0, 600000, false),
	NUMBER("time", time, 1, 600000, false),
	NUMBER("windows", windows, 1, REPORT_WINDOWS_MOST, false),
	NUMBER("patience", patience, 1, 60000, false),
	NUMBER("name-count", name_count, 1, 1u << 30, false),
	NUMBER("new-names", new_names, 0, 100, false),
	NUMBER("fill", fill, 0, 100, false),
	NUMBER("clients", client_addresses, 1, FRAMES_CLIENTS_MOST, true),
	NUMBER("client-ports", client_ports, 1, 32768, true),
	NUMBER("upstreams", upstreams, 1, FRAMES_UPSTREAMS_MOST, false),
	NUMBER("queues", queues, 1, LINK_QUEUES_MOST, false),
};

enum word_option {
	WORD_RATE = BASE_ARRAY_SIZE(numbers),
	WORD_NAMES,
	WORD_CHECKSUMS,
	WORD_RSS_KEY,
	WORD_FORWARDER,
	WORD_FORWARDER_MAC,
	WORD_CIRCULATE,
	WORD_REAL_TIME,
	WORD_STAY,
	WORD_JSON,
	WORD_HELP,
	WORDS,
};

static int parse_u64(const char *text, uint64_t least, uint64_t most, uint64_t *number)
{
	char *end;

	errno = 0;
	*number = strtoull(text, &end, 10);
	return errno || end == text || *end || *text == '-' || *number < least || *number > most
		       ? -EINVAL
		       : 0;
}

static int parse_number(
	struct options *options, const struct number_option *option, const char *text)
{
	uint32_t *field = (uint32_t *)(void *)((char *)options + option->offset);
	uint64_t number;

	if (parse_u64(text, option->least, option->most, &number))
		return -EINVAL;
	if (option->is_power_of_two && (number & (number - 1)))
		return -EINVAL;
	*field = (uint32_t)number;
	return 0;
}

// The place of `text` among `words`, which end with NULL. 0 or -EINVAL.
static int parse_word(const char *text, const char *const words[], unsigned int *place)
{
	for (*place = 0; words[*place]; (*place)++) {
		if (strcmp(words[*place], text) == 0)
			return 0;
	}
	return -EINVAL;
}

static int parse_rss_key(const char *text, uint8_t key[OPTION_RSS_KEY_BYTES])
{
	if (strlen(text) != 2 * OPTION_RSS_KEY_BYTES ||
		strspn(text, "0123456789abcdefABCDEF") != 2 * OPTION_RSS_KEY_BYTES)
		return -EINVAL;
	for (int i = 0; i < OPTION_RSS_KEY_BYTES; i++) {
		const char digits[3] = {text[2 * i], text[2 * i + 1]};

		key[i] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return 0;
}

static int parse_value(struct options *options, int option, const char *text)
{
	static const char *const names[] = {"different", "uniform", "zipf", NULL};
	static const char *const checksums[] = {"full", "none", NULL};
	struct rte_ether_addr mac;
	unsigned int place = 0;
	int error = 0;

	switch (option) {
	case WORD_RATE:
		return parse_u64(text, 0, 1000000000, &options->rate);
	case WORD_NAMES:
		error = parse_word(text, names, &place);
		options->names = (enum option_names)place;
		return error;
	case WORD_CHECKSUMS:
		error = parse_word(text, checksums, &place);
		options->checksums = (enum option_checksums)place;
		return error;
	case WORD_RSS_KEY:
		return parse_rss_key(text, options->rss_key);
	case WORD_FORWARDER:
		error = net_address_parse(text, &options->forwarder);
		return error || !net_address_is_ipv4(&options->forwarder) ? -EINVAL : 0;
	case WORD_FORWARDER_MAC:
		error = rte_ether_unformat_addr(text, &mac);
		memcpy(options->forwarder_mac.bytes, mac.addr_bytes, NET_MAC_BYTES);
		return error ? -EINVAL : 0;
	case WORD_CIRCULATE:
		options->circulates = true;
		return 0;
	case WORD_REAL_TIME:
		options->is_real_time = true;
		return 0;
	case WORD_STAY:
		options->stays = true;
		return 0;
	case WORD_JSON:
		options->json = text;
		return 0;
	default:
		return parse_number(options, &numbers[option], text);
	}
}

static void list_options(struct option known[WORDS + 1])
{
	static const char *const words[] = {"rate", "names", "checksums", "rss-key", "forwarder",
		"forwarder-mac", "circulate", "real-time", "stay", "json", "help"};

	for (int i = 0; i < WORDS; i++) {
		known[i] = (struct option){
			.name = i < WORD_RATE ? numbers[i].name : words[i - WORD_RATE],
			.has_arg = (i >= WORD_CIRCULATE && i <= WORD_STAY) || i == WORD_HELP
					   ? no_argument
					   : required_argument,
			.val = i,
		};
	}
	known[WORDS] = (struct option){0};
}

// Ids of one address and port must last for its share of the window, and for those before.
static int check_window(const struct options *options)
{
	uint64_t ids = (uint64_t)options->client_addresses * options->client_ports << 16;

	if (options->window <= ids / 16)
		return 0;
	log_error("--window %u: too many for %u addresses with %u ports", options->window,
		options->client_addresses, options->client_ports);
	return -EINVAL;
}

int options_parse(struct options *options, int argc, char *argv[])
{
	// The key that drivers commonly come with.
	static const uint8_t key[OPTION_RSS_KEY_BYTES] = {0x6d, 0x5a, 0x56, 0xda, 0x25, 0x5b, 0x0e,
		0xc2, 0x41, 0x67, 0x25, 0x3d, 0x43, 0xa3, 0x8f, 0xb0, 0xd0, 0xca, 0x2b, 0xcb, 0xae,
		0x7b, 0x30, 0xb4, 0x77, 0xcb, 0x2d, 0xa3, 0x80, 0x30, 0xf2, 0x0c, 0x6a, 0x42, 0xb7,
		0x3b, 0xbe, 0xac, 0x01, 0xfa};
	struct option known[WORDS + 1];
	int option;

	*options = (struct options){
		.window = 512,
		.warm_up = 1000,
		.time = 3000,
		.windows = 1,
		.patience = 6000,
		.name_count = 65536,
		.client_addresses = 256,
		.client_ports = 64,
		.upstreams = 1,
		.queues = 1,
		.forwarder = net_address_from_ipv4((const uint8_t[]){10, 60, 0, 1}),
		.forwarder_mac = {{2, 0, 0, 0, 0x60, 1}},
	};
	memcpy(options->rss_key, key, sizeof(key));
	list_options(known);
	optind = 1;
	while ((option = getopt_long(argc, argv, "", known, NULL)) != -1) {
		if (option == WORD_HELP) {
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
	return check_window(options);
}
