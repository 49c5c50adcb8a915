// SPDX-License-Identifier: BSD-3-Clause
// The files that a configuration was read from, and what was in them, to see when that changes.
// Management lcore only.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "config/arena.h"

enum config_file_kind {
	CONFIG_FILE_SOURCE, // the configuration's own, and what it imports
	CONFIG_FILE_PATTERN, // of an import: which files it stands for
	CONFIG_FILE_UPSTREAMS, // in the form of resolv.conf
	CONFIG_FILE_TLS,
};

struct config_file {
	enum config_file_kind kind;
	const char *path;
	uint64_t sum; // of what was there
};

struct config_files {
	struct config_arena *arena; // of the configuration
	struct config_file *list;
	size_t count;
};

// FNV-1a: tells what was changed by chance or by hand, and is no proof against malice.
uint64_t config_sum_bytes(const void *bytes, size_t length);

// Of what is there now. What can not be read has a sum, too.
uint64_t config_file_sum(enum config_file_kind kind, const char *path);

// 0 or -ENOMEM. The path is copied.
int config_files_add(
	struct config_files *files, enum config_file_kind kind, const char *path, uint64_t sum);
