// SPDX-License-Identifier: BSD-3-Clause
// A folder of its own for a test that reads files.
#pragma once

#include "unit.h"

#include <dirent.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONFIG_FOLDER_PATH 256

struct config_folder {
	char path[CONFIG_FOLDER_PATH];
};

static inline void config_folder_create(struct config_folder *folder)
{
	snprintf(folder->path, sizeof(folder->path), "/tmp/millrace-config-XXXXXX");
	CU_ASSERT_PTR_NOT_NULL_FATAL(mkdtemp(folder->path));
}

// Returns `path`, filled in.
static inline const char *config_folder_path(
	const struct config_folder *folder, const char *name, char path[2 * CONFIG_FOLDER_PATH])
{
	snprintf(path, 2 * CONFIG_FOLDER_PATH, "%s/%s", folder->path, name);
	return path;
}

static inline void config_folder_write_bytes(
	const struct config_folder *folder, const char *name, const void *bytes, size_t length)
{
	char path[2 * CONFIG_FOLDER_PATH];
	FILE *file = fopen(config_folder_path(folder, name, path), "w");

	CU_ASSERT_PTR_NOT_NULL_FATAL(file);
	CU_ASSERT_EQUAL(fwrite(bytes, 1, length, file), length);
	CU_ASSERT_EQUAL(fclose(file), 0);
}

static inline void config_folder_write(
	const struct config_folder *folder, const char *name, const char *text)
{
	config_folder_write_bytes(folder, name, text, strlen(text));
}

static inline void config_folder_add_folder(const struct config_folder *folder, const char *name)
{
	char path[2 * CONFIG_FOLDER_PATH];

	CU_ASSERT_EQUAL(mkdir(config_folder_path(folder, name, path), 0700), 0);
}

static inline void config_folder_empty(const char *path)
{
	DIR *directory = opendir(path);
	struct dirent *entry;

	CU_ASSERT_PTR_NOT_NULL_FATAL(directory);
	while ((entry = readdir(directory))) {
		if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0)
			(void)unlinkat(dirfd(directory), entry->d_name, 0);
	}
	CU_ASSERT_EQUAL(closedir(directory), 0);
}

// Folders in it must be named `inner`.
static inline void config_folder_destroy(struct config_folder *folder)
{
	char path[2 * CONFIG_FOLDER_PATH];

	config_folder_path(folder, "inner", path);
	if (access(path, F_OK) == 0) {
		config_folder_empty(path);
		CU_ASSERT_EQUAL(rmdir(path), 0);
	}
	config_folder_empty(folder->path);
	CU_ASSERT_EQUAL(rmdir(folder->path), 0);
}
