// SPDX-License-Identifier: BSD-3-Clause
#include "nic/eal_option.h"

#include <stddef.h>
#include <string.h>

const char *nic_eal_option_at(int argc, char *const argv[], const char *name, int *index)
{
	const char *argument = argv[*index];
	size_t length = strlen(name);

	if (!argument || strncmp(argument, name, length) != 0)
		return NULL;
	argument += length;
	if (*argument == '\0') {
		if (*index + 1 >= argc)
			return NULL;
		(*index)++;
		return argv[*index];
	}
	if (name[1] == '-')
		return *argument == '=' ? argument + 1 : NULL;
	return argument;
}

const char *nic_eal_option(int argc, char *const argv[], const char *name)
{
	for (int i = 1; i < argc; i++) {
		int at = i;
		const char *value = nic_eal_option_at(argc, argv, name, &at);

		if (value)
			return value;
	}
	return NULL;
}

bool nic_eal_flag(int argc, char *const argv[], const char *name)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], name) == 0)
			return true;
	}
	return false;
}
