// SPDX-License-Identifier: BSD-3-Clause
// The files that a configuration was read from, and what was in them, to see when that changes.
// Management lcore only.
#pragma once

#include <stdbool.h>
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
	// What was there, of a source; of a pattern the paths, each with a zero behind it; else NULL.
	const char *text;
	size_t length;
};

struct config_files {
	struct config_arena *arena; // of the configuration
	struct config_file *list;
	size_t count;
	// Sources, patterns, and which words are files in TO are as they were here; NULL: as they are
	// in the file system.
	const struct config_files *before;
};

// FNV-1a: tells what was changed by chance or by hand, and is no proof against malice.
uint64_t config_sum_bytes(const void *bytes, size_t length);

// Of what is there now. What can not be read has a sum, too.
uint64_t config_file_sum(enum config_file_kind kind, const char *path);

// 0 or -ENOMEM. The path is copied.
int config_files_add(
	struct config_files *files, enum config_file_kind kind, const char *path, uint64_t sum);

// The same with what is there, which is copied, too.
int config_files_add_text(struct config_files *files, enum config_file_kind kind, const char *path,
	const char *text, size_t length);

// Reads a source and adds it. Its text lives as long as `files`. 0, or -errno as
// config_read_whole_file.
int config_files_read_source(
	struct config_files *files, const char *path, const char **text, size_t *length);

// Adds a pattern and says which files it stands for, as in config_file.text. 0; -ENOMEM, or -EIO
// where folders can not be read.
int config_files_match(
	struct config_files *files, const char *pattern, const char **paths, size_t *length);

// Whether a word of TO is the path of a file.
bool config_files_has_upstreams(const struct config_files *files, const char *path);
