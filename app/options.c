// SPDX-License-Identifier: BSD-3-Clause
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "forward/forward.h"

#define QUERIES_DEFAULT (1u << 18)

// Above every letter, so that getopt's optopt tells them apart.
enum option_value {
	OPTION_CONFIG = UINT8_MAX + 1,
	OPTION_CHECK,
	OPTION_CACHE_FOLDER,
	OPTION_CONTROL_SOCKET,
	OPTION_DRIVERS_CONFIG,
	OPTION_LOCAL_PORTS,
	OPTION_QUERIES,
	OPTION_STREAM_LCORES,
	OPTION_VERSION,
	OPTION_HELP,
};

static const char help[] =
	"usage: millrace [EAL options] -- --config FILE [options]\n"
	"\n"
	"Forwards DNS between NIC queues, and TCP and TLS clients, and upstream resolvers. EAL\n"
	"options pin lcores (-l), pick ports (-a, --vdev) and memory; the main lcore manages, "
	"every\n"
	"other lcore polls one queue of each port, but for those that do TCP and TLS.\n"
	"\n"
	"  --config FILE            what to serve and where to forward it\n"
	"  --check                  read FILE, say what is wrong with it, and end\n"
	"  --cache-folder FOLDER    keeps caches over a restart: saved there at the end, loaded\n"
	"                           behind the start\n"
	"  --control-socket PATH    where millracectl asks (/run/millrace/PREFIX.sock, by EAL's\n"
	"                           --file-prefix)\n"
	"  --drivers-config FOLDER  of the driver files, in place of the installed ones\n"
	"  --local-ports FIRST-LAST source ports of queries to upstreams (10240-32767)\n"
	"  --steering WAY           rte_flow, thash or hop: how replies reach their worker, in "
	"place\n"
	"                           of what the driver files say\n"
	"  --queries N              in flight at once on one worker lcore (262144)\n"
	"  --stream-lcores N        the last N lcores do TCP and TLS; 0: one thread beside the "
	"main\n"
	"                           lcore does (1 from four lcores on, else 0)\n"
	"  --version\n"
	"  --help\n";

void options_print_help(void)
{
	fputs(help, stdout);
}

static int parse_number(const char *text, unsigned long most, unsigned long *number)
{
	char *end;

	errno = 0;
	*number = strtoul(text, &end, 10);
	return errno || end == text || *end || *text == '-' || *number > most ? -EINVAL : 0;
}

static int parse_local_ports(struct options *options, const char *text)
{
	unsigned int first;
	unsigned int last;
	char rest;

	if (sscanf(text, "%5u-%5u%c", &first, &last, &rest) != 2 || first < 1024 || last > 65534 ||
		last < first) {
		log_error("--local-ports %s: not FIRST-LAST within 1024-65534", text);
		return -EINVAL;
	}
	options->local_port_first = (uint16_t)first;
	options->local_port_last = (uint16_t)last;
	return 0;
}

static int parse_queries(struct options *options, const char *text)
{
	unsigned long number;

	if (parse_number(text, PROXY_PENDING_MOST, &number) || !number) {
		log_error("--queries %s: not a number from 1 to %u", text, PROXY_PENDING_MOST);
		return -EINVAL;
	}
	options->queries = (uint32_t)number;
	return 0;
}

static int parse_stream_lcores(struct options *options, const char *text)
{
	unsigned long number;

	if (parse_number(text, STREAM_LCORES_MOST, &number)) {
		log_error(
			"--stream-lcores %s: not a number from 0 to %u", text, STREAM_LCORES_MOST);
		return -EINVAL;
	}
	options->has_stream_lcores = true;
	options->stream_lcores = (uint16_t)number;
	return 0;
}

static int parse_steering(struct options *options, const char *text)
{
	static const char *const ways[] = {
		[NIC_STEERING_RTE_FLOW] = "rte_flow",
		[NIC_STEERING_THASH] = "thash",
		[NIC_STEERING_HOP] = "hop",
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(ways); i++) {
		if (strcmp(text, ways[i]) == 0) {
			options->has_steering = true;
			options->steering = (enum nic_steering)i;
			return 0;
		}
	}
	log_error("--steering %s: not rte_flow, thash or hop", text);
	return -EINVAL;
}

static int parse_option(struct options *options, int option, char *argv[])
{
	switch (option) {
	case OPTION_CONFIG:
		options->config = optarg;
		return 0;
	case OPTION_CACHE_FOLDER:
		options->cache_folder = optarg;
		return 0;
	case OPTION_CONTROL_SOCKET:
		options->control_socket = optarg;
		return 0;
	case OPTION_DRIVERS_CONFIG:
		options->drivers_folder = optarg;
		return 0;
	case OPTION_CHECK:
		options->wants_check = true;
		return 0;
	case OPTION_LOCAL_PORTS:
		return parse_local_ports(options, optarg);
	case 's':
		return parse_steering(options, optarg);
	case OPTION_QUERIES:
		return parse_queries(options, optarg);
	case OPTION_STREAM_LCORES:
		return parse_stream_lcores(options, optarg);
	case OPTION_VERSION:
		options->wants_version = true;
		return 0;
	case OPTION_HELP:
		options->wants_help = true;
		return 0;
	case ':':
		log_error("%s needs a value (--help lists the options)", argv[optind - 1]);
		return -EINVAL;
	default:
		// Of letters behind one dash getopt names only the letter.
		if (optopt && optopt < OPTION_CONFIG)
			log_error("unknown option -%c (--help lists the options)", optopt);
		else
			log_error("unknown option %s (--help lists the options)", argv[optind - 1]);
		return -EINVAL;
	}
}

// `millrace --version` and `--help` need no `--`, as nowhere else.
static bool asks_for_text(struct options *options, int argc, char *argv[])
{
	options->wants_version = argc == 2 && strcmp(argv[1], "--version") == 0;
	options->wants_help =
		argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0);
	return options->wants_version || options->wants_help;
}

int options_parse(struct options *options, int argc, char *argv[])
{
	static const struct option known[] = {
		{"config", required_argument, NULL, OPTION_CONFIG},
		{"check", no_argument, NULL, OPTION_CHECK},
		{"cache-folder", required_argument, NULL, OPTION_CACHE_FOLDER},
		{"control-socket", required_argument, NULL, OPTION_CONTROL_SOCKET},
		{"drivers-config", required_argument, NULL, OPTION_DRIVERS_CONFIG},
		{"local-ports", required_argument, NULL, OPTION_LOCAL_PORTS},
		{"queries", required_argument, NULL, OPTION_QUERIES},
		{"stream-lcores", required_argument, NULL, OPTION_STREAM_LCORES},
		{"steering", required_argument, NULL, 's'},
		{"version", no_argument, NULL, OPTION_VERSION},
		{"help", no_argument, NULL, OPTION_HELP},
		{NULL, 0, NULL, 0},
	};
	int option;

	*options = (struct options){
		.queries = QUERIES_DEFAULT,
		.local_port_first = FORWARD_LOCAL_PORT_FIRST,
		.local_port_last = FORWARD_LOCAL_PORT_LAST,
		.eal_argc = argc,
	};
	if (asks_for_text(options, argc, argv))
		return 0;
	for (int i = 1; i < argc && options->eal_argc == argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			options->eal_argc = i;
	}
	argc -= options->eal_argc;
	argv += options->eal_argc;
	optind = 0; // from the start, whatever was parsed before
	while (argc > 0 && (option = getopt_long(argc, argv, ":", known, NULL)) != -1) {
		if (parse_option(options, option, argv))
			return -EINVAL;
	}
	if (argc > 0 && optind < argc) {
		log_error("unexpected argument %s (--help lists the options)", argv[optind]);
		return -EINVAL;
	}
	if (!options->config && !options->wants_version && !options->wants_help) {
		log_error("no configuration: millrace [EAL options] -- --config FILE");
		return -EINVAL;
	}
	return 0;
}
