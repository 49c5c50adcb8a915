// SPDX-License-Identifier: BSD-3-Clause
#include "nic/eal_arguments.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "nic/eal_option.h"
#include "nic/filter.h"
#include "nic/interface.h"
#include "nic/lcore_list.h"

#define HUGE_PAGES_FOLDER "/sys/kernel/mm/hugepages"
#define NO_HUGE_MEGABYTES "512" // EAL's own default of 64 holds no port
#define AF_XDP_PREFIX "net_af_xdp"
#define AF_PACKET_PREFIX "net_af_packet"
// At most: -m and its value, --iova-mode, and the NULL at the end.
#define ARGUMENTS_ADDED 4

static unsigned long number_in_file(const char *path)
{
	unsigned long number = 0;
	FILE *file = fopen(path, "re");

	if (!file)
		return 0;
	if (fscanf(file, "%lu", &number) != 1)
		number = 0;
	fclose(file);
	return number;
}

static unsigned long huge_pages_free(void)
{
	char path[PATH_MAX];
	unsigned long pages = 0;
	struct dirent *entry;
	DIR *folder = opendir(HUGE_PAGES_FOLDER);

	if (!folder)
		return 0;
	while ((entry = readdir(folder))) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), HUGE_PAGES_FOLDER "/%s/free_hugepages", entry->d_name);
		pages += number_in_file(path);
	}
	closedir(folder);
	return pages;
}

static bool huge_pages_are_mounted(void)
{
	char line[PATH_MAX], type[32];
	bool found = false;
	FILE *file = fopen("/proc/mounts", "re");

	if (!file)
		return false;
	while (!found && fgets(line, sizeof(line), file))
		found = sscanf(line, "%*s %*s %31s", type) == 1 && strcmp(type, "hugetlbfs") == 0;
	fclose(file);
	return found;
}

static int memory_check(int argc, char *const argv[], struct nic_error *error)
{
	bool in_memory = nic_eal_flag(argc, argv, "--in-memory");

	if (nic_eal_flag(argc, argv, "--no-huge")) {
		if (!in_memory)
			return 0;
		nic_error_set(error, "--no-huge and --in-memory exclude each other");
		return -EINVAL;
	}
	if (huge_pages_free() == 0) {
		nic_error_set(error, "no huge page is free: run "
				     "`echo 512 > /proc/sys/vm/nr_hugepages`, or give --no-huge");
		return -ENOMEM;
	}
	if (!in_memory && !huge_pages_are_mounted()) {
		nic_error_set(error, "huge pages are not mounted: run "
				     "`mkdir -p /dev/hugepages && mount -t hugetlbfs none "
				     "/dev/hugepages`, or give --in-memory");
		return -ENOENT;
	}
	return 0;
}

// The value of `key=` in "name,key=value,...": its first byte, or NULL.
static const char *device_argument(const char *device, const char *key, size_t *length)
{
	size_t key_length = strlen(key);

	for (const char *at = strchr(device, ','); at; at = strchr(at + 1, ',')) {
		if (strncmp(at + 1, key, key_length) == 0 && at[1 + key_length] == '=') {
			at += key_length + 2;
			*length = strcspn(at, ",");
			return at;
		}
	}
	return NULL;
}

static bool device_has(const char *device, const char *key)
{
	size_t length;

	return device_argument(device, key, &length) != NULL;
}

// The interface that a device is for, which has to exist. Its index, or -errno.
static int device_interface(const char *device, char name[IF_NAMESIZE], struct nic_error *error)
{
	size_t length = 0;
	const char *value = device_argument(device, "iface", &length);
	unsigned int index;

	if (!value || length == 0 || length >= IF_NAMESIZE) {
		nic_error_set(error, "--vdev=%s: iface=INTERFACE is missing or too long", device);
		return -EINVAL;
	}
	memcpy(name, value, length);
	name[length] = '\0';
	index = if_nametoindex(name);
	if (!index) {
		nic_error_set(error, "--vdev=%s: there is no interface \"%s\"", device, name);
		return -ENODEV;
	}
	return (int)index;
}

static bool device_is(const char *device, const char *prefix)
{
	return strncmp(device, prefix, strlen(prefix)) == 0;
}

struct rewrite {
	struct nic_eal_arguments *arguments;
	unsigned int workers;
	struct nic_error *error;
};

static int filter_file_need(struct rewrite *rewrite)
{
	struct nic_eal_arguments *arguments = rewrite->arguments;

	if (arguments->filter_file < 0)
		arguments->filter_file = nic_filter_file_make(NIC_FILTER_XDP);
	if (arguments->filter_file < 0)
		nic_error_set(rewrite->error, "no file in memory for the XDP filter: %s",
			strerror(-arguments->filter_file));
	return arguments->filter_file < 0 ? arguments->filter_file : 0;
}

static int stale_filter_detach(
	struct rewrite *rewrite, enum nic_filter_kind kind, int index, const char *interface)
{
	int status = nic_filter_detach(kind, index);

	if (status)
		nic_error_set(rewrite->error, "%s: the filter of an earlier run stays attached: %s",
			interface, strerror(-status));
	return status;
}

// The driver attaches its program to an interface that has none.
static int other_program_check(struct rewrite *rewrite, int index, const char *interface)
{
	int id = nic_filter_xdp_id(index);

	if (id == 0)
		return 0;
	if (id < 0) {
		nic_error_set(rewrite->error, "%s: no XDP: %s", interface, strerror(-id));
		return id;
	}
	nic_error_set(rewrite->error,
		"%s has an XDP program of another application (id %d): `ip link set %s xdp off` "
		"takes it away",
		interface, id, interface);
	return -EBUSY;
}

// "net_af_xdp0,iface=eth0" with what it lacks behind it, in `text`. 0 or -errno.
static int af_xdp_complete(struct rewrite *rewrite, const char *device, char *text, size_t room)
{
	char interface[IF_NAMESIZE], program[64] = "", queues[32] = "", budget[32] = "";
	unsigned int channels;
	int status;
	int index = device_interface(device, interface, rewrite->error);

	if (index < 0)
		return index;
	status = stale_filter_detach(rewrite, NIC_FILTER_XDP, index, interface);
	if (status == 0)
		status = other_program_check(rewrite, index, interface);
	if (status == 0 && !device_has(device, "xdp_prog")) {
		status = filter_file_need(rewrite);
		snprintf(program, sizeof(program), ",xdp_prog=/proc/self/fd/%d",
			rewrite->arguments->filter_file);
	}
	if (status)
		return status;
	channels = nic_interface_channels(interface);
	if (!device_has(device, "queue_count"))
		snprintf(queues, sizeof(queues), ",queue_count=%u",
			rewrite->workers < channels ? rewrite->workers : channels);
	// Busy polling drives the device's driver from our loop: nothing to drive without a device.
	if (!device_has(device, "busy_budget") && nic_interface_is_virtual(interface))
		snprintf(budget, sizeof(budget), ",busy_budget=0");
	snprintf(text, room, "%s%s%s%s", device, program, queues, budget);
	return 0;
}

static int af_packet_complete(struct rewrite *rewrite, const char *device, char *text, size_t room)
{
	char interface[IF_NAMESIZE], queues[32] = "";
	int status;
	int index = device_interface(device, interface, rewrite->error);

	if (index < 0)
		return index;
	status = stale_filter_detach(rewrite, NIC_FILTER_TC, index, interface);
	if (!device_has(device, "qpairs"))
		snprintf(queues, sizeof(queues), ",qpairs=%u", rewrite->workers);
	snprintf(text, room, "%s%s", device, queues);
	return status;
}

static int argument_add(struct rewrite *rewrite, const char *text)
{
	struct nic_eal_arguments *arguments = rewrite->arguments;
	char *copy = strdup(text);

	if (!copy) {
		nic_error_set(rewrite->error, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	arguments->owned[arguments->owned_count++] = copy;
	arguments->argv[arguments->argc++] = copy;
	return 0;
}

static int device_add(struct rewrite *rewrite, const char *device)
{
	size_t room = strlen(device) + 160;
	char *text = malloc(room);
	int status = 0;

	if (!text) {
		nic_error_set(rewrite->error, "%s", strerror(ENOMEM));
		return -ENOMEM;
	}
	snprintf(text, room, "--vdev=%s", device);
	if (device_is(device, AF_XDP_PREFIX))
		status = af_xdp_complete(rewrite, device, text + 7, room - 7);
	else if (device_is(device, AF_PACKET_PREFIX))
		status = af_packet_complete(rewrite, device, text + 7, room - 7);
	if (status == 0)
		status = argument_add(rewrite, text);
	free(text);
	return status;
}

// The AF_XDP driver takes a pool for one stretch of equal frames, without the gaps that there are
// at page ends when frames are kept within pages of physical memory.
static bool needs_virtual_addresses(int argc, char *const argv[])
{
	bool has_af_xdp = false;

	for (int i = 1; i < argc; i++) {
		const char *device = nic_eal_option_at(argc, argv, "--vdev", &i);

		has_af_xdp |= device && device_is(device, AF_XDP_PREFIX);
	}
	return has_af_xdp && !nic_eal_option(argc, argv, "--iova-mode");
}

static int arguments_rewrite(struct rewrite *rewrite, int argc, char *const argv[])
{
	bool needs_memory = nic_eal_flag(argc, argv, "--no-huge") &&
			    !nic_eal_option(argc, argv, "-m") &&
			    !nic_eal_option(argc, argv, "--socket-mem");
	int status = 0;

	for (int i = 0; i < argc && status == 0; i++) {
		const char *device = nic_eal_option_at(argc, argv, "--vdev", &i);

		status = device ? device_add(rewrite, device) : argument_add(rewrite, argv[i]);
	}
	if (status == 0 && needs_virtual_addresses(argc, argv))
		status = argument_add(rewrite, "--iova-mode=va");
	if (status == 0 && needs_memory)
		status = argument_add(rewrite, "-m");
	if (status == 0 && needs_memory)
		status = argument_add(rewrite, NO_HUGE_MEGABYTES);
	return status;
}

int nic_eal_arguments_make(int argc, char *const argv[], unsigned int other_lcores,
	struct nic_eal_arguments *arguments, struct nic_error *error)
{
	size_t room = (size_t)argc + ARGUMENTS_ADDED;
	unsigned int lcores = nic_lcore_count(argc, argv);
	struct rewrite rewrite = {
		.arguments = arguments,
		.workers = lcores > other_lcores ? lcores - other_lcores : 1,
		.error = error,
	};
	int status = memory_check(argc, argv, error);

	*arguments = (struct nic_eal_arguments){.filter_file = -1};
	if (status)
		return status;
	arguments->argv = calloc(room, sizeof(*arguments->argv));
	arguments->owned = calloc(room, sizeof(*arguments->owned));
	if (!arguments->argv || !arguments->owned) {
		nic_error_set(error, "%s", strerror(ENOMEM));
		status = -ENOMEM;
	} else {
		status = arguments_rewrite(&rewrite, argc, argv);
	}
	if (status)
		nic_eal_arguments_free(arguments);
	return status;
}

void nic_eal_arguments_free(struct nic_eal_arguments *arguments)
{
	for (int i = 0; arguments->owned && i < arguments->owned_count; i++)
		free(arguments->owned[i]);
	free(arguments->owned);
	free(arguments->argv);
	if (arguments->filter_file >= 0)
		close(arguments->filter_file);
	*arguments = (struct nic_eal_arguments){.filter_file = -1};
}
