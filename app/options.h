// SPDX-License-Identifier: BSD-3-Clause
// The command line behind `--`, and where EAL's part of it ends.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nic/nic.h"

#define STREAM_LCORES_MOST 16

struct options {
	const char *config; // path
	const char *drivers_folder; // NULL: found by nic/
	const char *cache_folder; // NULL: caches are not kept over a restart
	const char *control_socket; // NULL: by the file prefix
	uint32_t queries; // in flight at once, a worker lcore
	uint16_t local_port_first;
	uint16_t local_port_last;
	bool has_stream_lcores;
	uint16_t stream_lcores; // EAL lcores set aside for TCP and TLS; 0: one on the manager's CPU
	bool has_steering;
	enum nic_steering steering; // in place of the driver file's
	bool wants_check;
	bool wants_version;
	bool wants_help;
	int eal_argc; // argv[0] to before `--`
};

// 0, or -EINVAL with one line on standard error.
int options_parse(struct options *options, int argc, char *argv[]);
void options_print_help(void);
