// SPDX-License-Identifier: BSD-3-Clause
// From lines to server blocks. Management lcore only.
#pragma once

#include "config/reader.h"

struct config {
	struct config_arena arena; // everything below, but not this
	struct config_server *servers;
	size_t server_count;
	struct config_forward **forwards;
	size_t forward_count;
	struct config_watch watch;
	struct config_reload reload;
	struct config_files files;
	struct config_hosts hosts;
	struct config_log **logs;
	size_t log_count;
};

// Where the zone of a server stands, by the server's index.
struct config_server_place {
	struct config_place place;
	size_t server;
	bool is_tls;
};

struct config_parser {
	struct config_reader reader;
	struct config_lines lines;
	struct config *config;
	struct config_arena *scratch;
	struct config_server_place *places; // as many as servers
};

// Reads all lines into the configuration. `file` is named when it has no server block. 0; -EINVAL
// or -ENOMEM with the error filled in, as the next.
int config_parse(struct config_parser *parser, const char *file);

// No question may have two servers: refuses a second one of the same zone, port and address. No
// connection may have two ways to begin: refuses one of the same port and address with other
// certificates, or without any.
int config_check_servers(struct config_parser *parser);
