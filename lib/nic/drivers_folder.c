// SPDX-License-Identifier: BSD-3-Clause
#include "nic/driver_file.h"

#include <errno.h>
#include <libgen.h>
#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define FOLDER_NAME "drivers-config"

static bool folder_is_ours(const char *path)
{
	char file[PATH_MAX + 16];

	snprintf(file, sizeof(file), "%s/generic.ini", path);
	return access(file, R_OK) == 0;
}

// The folder two above the executable's: build/app/millrace stands in the source tree.
static bool folder_of_build(char *path, size_t room)
{
	char executable[PATH_MAX];
	ssize_t length = readlink("/proc/self/exe", executable, sizeof(executable) - 1);

	if (length < 0)
		return false;
	executable[length] = '\0';
	snprintf(path, room, "%s/../../" FOLDER_NAME, dirname(executable));
	return folder_is_ours(path);
}

int nic_drivers_folder(const char *given, char *path, size_t room, struct nic_error *error)
{
	if (given) {
		snprintf(path, room, "%s", given);
		if (strlen(given) < room && access(given, R_OK) == 0)
			return 0;
		nic_error_set(error, "%s: no folder of driver files", given);
		return -ENOENT;
	}
	if (folder_of_build(path, room))
		return 0;
	snprintf(path, room, "%s", NIC_DRIVERS_FOLDER);
	if (folder_is_ours(path))
		return 0;
	nic_error_set(error, "no driver files in %s", NIC_DRIVERS_FOLDER);
	return -ENOENT;
}
