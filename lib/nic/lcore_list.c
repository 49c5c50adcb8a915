// SPDX-License-Identifier: BSD-3-Clause
#include "nic/lcore_list.h"

#include <ctype.h>
#include <sched.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "nic/eal_option.h"

#define LCORE_ID_MOST 1023

// Reads a number. -1 when there is none, or none that an lcore can have.
static int lcore_id_read(const char **text)
{
	char *end;
	unsigned long number;

	if (!isdigit((unsigned char)**text))
		return -1;
	number = strtoul(*text, &end, 10);
	*text = end;
	return number <= LCORE_ID_MOST ? (int)number : -1;
}

// Past "@cpus" of --lcores, which may be in brackets.
static const char *cpus_skip(const char *text)
{
	text++;
	if (*text == '(') {
		text += strcspn(text, ")");
		return *text ? text + 1 : text;
	}
	return text + strcspn(text, ",)");
}

// "0-3,5", and of --lcores also "(0-1)@2,4@(6-7)".
static unsigned int list_count(const char *text)
{
	unsigned char seen[LCORE_ID_MOST + 1] = {0};
	unsigned int count = 0;

	while (*text) {
		int first, last;

		if (*text == '@') {
			text = cpus_skip(text);
			continue;
		}
		if (strchr(",() ", *text)) {
			text++;
			continue;
		}
		first = last = lcore_id_read(&text);
		if (first >= 0 && *text == '-') {
			text++;
			last = lcore_id_read(&text);
		}
		if (first < 0 || last < 0)
			return 0;
		for (int id = first < last ? first : last; id <= (first < last ? last : first);
			id++) {
			count += !seen[id];
			seen[id] = 1;
		}
	}
	return count;
}

static unsigned int mask_count(const char *text)
{
	unsigned int count = 0;

	if (strncasecmp(text, "0x", 2) == 0)
		text += 2;
	for (; *text; text++) {
		char digit[2] = {*text, '\0'};

		if (!isxdigit((unsigned char)*text))
			return 0;
		count += (unsigned int)__builtin_popcountl(strtoul(digit, NULL, 16));
	}
	return count;
}

unsigned int nic_lcore_count(int argc, char *const argv[])
{
	cpu_set_t cpus;
	const char *value = nic_eal_option(argc, argv, "-l");

	if (!value)
		value = nic_eal_option(argc, argv, "--lcores");
	if (value)
		return list_count(value);
	value = nic_eal_option(argc, argv, "-c");
	if (value)
		return mask_count(value);
	if (sched_getaffinity(0, sizeof(cpus), &cpus))
		return 0;
	return (unsigned int)CPU_COUNT(&cpus);
}
