// SPDX-License-Identifier: BSD-3-Clause
#include "nic/filter.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/if_link.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "base/log.h"
#include "nic/filter_maps.h"
#include "nic/tc_dump.h"

// Where our tc filter stands among others of the interface. Two handles, so that a later run
// knows whether the clsact it hangs on was made by us.
#define TC_PRIORITY 1
#define TC_HANDLE_ON_THEIR_HOOK 0x6d69
#define TC_HANDLE_ON_OUR_HOOK 0x6d6a

#define MAP_IDS_MOST 16

// drivers-config/xdp/meson.build makes these.
extern const char _binary_drivers_config_xdp_filter_xdp_bpf_start[];
extern const char _binary_drivers_config_xdp_filter_xdp_bpf_end[];
extern const char _binary_drivers_config_xdp_filter_tc_bpf_start[];
extern const char _binary_drivers_config_xdp_filter_tc_bpf_end[];

static const char *const map_names[NIC_FILTER_MAPS] = {
	[NIC_FILTER_MAP_SERVED] = FILTER_MAP_SERVED,
	[NIC_FILTER_MAP_LOCAL] = FILTER_MAP_LOCAL,
	[NIC_FILTER_MAP_UPSTREAMS] = FILTER_MAP_UPSTREAMS,
	[NIC_FILTER_MAP_PORTS] = FILTER_MAP_PORTS,
};

static int file_fill(int file, const char *bytes, size_t length)
{
	while (length > 0) {
		ssize_t written = write(file, bytes, length);

		if (written < 0)
			return -errno;
		bytes += written;
		length -= (size_t)written;
	}
	return 0;
}

int nic_filter_file_make(enum nic_filter_kind kind)
{
	const char *start = kind == NIC_FILTER_XDP ? _binary_drivers_config_xdp_filter_xdp_bpf_start
						   : _binary_drivers_config_xdp_filter_tc_bpf_start;
	const char *end = kind == NIC_FILTER_XDP ? _binary_drivers_config_xdp_filter_xdp_bpf_end
						 : _binary_drivers_config_xdp_filter_tc_bpf_end;
	int file = memfd_create("millrace-filter", MFD_CLOEXEC);
	int status;

	if (file < 0)
		return -errno;
	status = file_fill(file, start, (size_t)(end - start));
	if (status) {
		close(file);
		return status;
	}
	return file;
}

// Takes the program of this id if it has this name. A descriptor, -ENOENT if it has another, or
// -errno.
static int program_open(uint32_t id, const char *name, struct bpf_prog_info *info)
{
	uint32_t size = sizeof(*info);
	int status;
	int program = bpf_prog_get_fd_by_id(id);

	if (program < 0)
		return -errno;
	status = bpf_obj_get_info_by_fd(program, info, &size) ? -errno : 0;
	if (status == 0 && strcmp(info->name, name) != 0)
		status = -ENOENT;
	if (status) {
		close(program);
		return status;
	}
	return program;
}

int nic_filter_xdp_id(int interface)
{
	uint32_t id = 0;
	int status = bpf_xdp_query_id(interface, 0, &id);

	return status ? status : (int)id;
}

// Our XDP program on the interface. A descriptor, -ENOENT when none or another's is there, or
// -errno.
static int xdp_program_open(int interface, struct bpf_prog_info *info)
{
	int id = nic_filter_xdp_id(interface);

	if (id <= 0)
		return id ? id : -ENOENT;
	return program_open((uint32_t)id, FILTER_XDP_PROGRAM, info);
}

static void map_keep(struct nic_filter *filter, int map, const char *name)
{
	for (int i = 0; i < NIC_FILTER_MAPS; i++) {
		if (filter->maps[i] < 0 && strcmp(map_names[i], name) == 0) {
			filter->maps[i] = map;
			return;
		}
	}
	close(map);
}

static int maps_check_complete(const struct nic_filter *filter)
{
	for (int i = 0; i < NIC_FILTER_MAPS; i++) {
		if (filter->maps[i] < 0)
			return -ENOENT;
	}
	return 0;
}

static int maps_open_by_id(struct nic_filter *filter, const uint32_t *ids, uint32_t count)
{
	for (uint32_t i = 0; i < count; i++) {
		struct bpf_map_info info = {0};
		uint32_t size = sizeof(info);
		int map = bpf_map_get_fd_by_id(ids[i]);

		if (map < 0)
			return -errno;
		if (bpf_obj_get_info_by_fd(map, &info, &size)) {
			int status = -errno;

			close(map);
			return status;
		}
		map_keep(filter, map, info.name);
	}
	return maps_check_complete(filter);
}

static int xdp_open(struct nic_filter *filter)
{
	uint32_t ids[MAP_IDS_MOST] = {0};
	struct bpf_prog_info info = {
		.nr_map_ids = MAP_IDS_MOST,
		.map_ids = (uint64_t)(uintptr_t)ids,
	};
	int status;
	int program = xdp_program_open(filter->interface, &info);

	if (program < 0)
		return program;
	status = maps_open_by_id(
		filter, ids, info.nr_map_ids < MAP_IDS_MOST ? info.nr_map_ids : MAP_IDS_MOST);
	close(program);
	return status;
}

static int xdp_detach(int interface)
{
	struct bpf_prog_info info = {0};
	int program = xdp_program_open(interface, &info);
	int status;

	if (program < 0)
		return program == -ENOENT ? 0 : program;
	LIBBPF_OPTS(bpf_xdp_attach_opts, options, .old_prog_fd = program);
	status = bpf_xdp_detach(interface, XDP_FLAGS_REPLACE, &options);
	close(program);
	return status;
}

// libbpf prints what the kernel says to a question whose answer may well be no.
static int quietly_create_hook(struct bpf_tc_hook *hook)
{
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int status = bpf_tc_hook_create(hook);

	libbpf_set_print(print);
	return status;
}

// Detaches the filter of this handle if it is there and ours. 1 when it was, 0, or -errno.
static int tc_detach_handle(const struct bpf_tc_hook *hook, uint32_t handle)
{
	LIBBPF_OPTS(bpf_tc_opts, found, .handle = handle, .priority = TC_PRIORITY);
	LIBBPF_OPTS(bpf_tc_opts, gone, .handle = handle, .priority = TC_PRIORITY);
	struct bpf_prog_info info = {0};
	libbpf_print_fn_t print = libbpf_set_print(NULL);
	int status = bpf_tc_query(hook, &found);
	int program;

	libbpf_set_print(print);
	if (status)
		return 0;
	program = program_open(found.prog_id, FILTER_TC_PROGRAM, &info);
	if (program < 0)
		return program == -ENOENT ? 0 : program;
	close(program);
	status = bpf_tc_detach(hook, &gone);
	return status ? status : 1;
}

static int tc_detach(int interface)
{
	LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = interface, .attach_point = BPF_TC_INGRESS);
	int status = tc_detach_handle(&hook, TC_HANDLE_ON_THEIR_HOOK);

	if (status < 0)
		return status;
	status = tc_detach_handle(&hook, TC_HANDLE_ON_OUR_HOOK);
	if (status <= 0)
		return status;
	// Others may have hung their filters on it since.
	status = nic_tc_has_filters(interface);
	hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
	return status ? (status < 0 ? status : 0) : bpf_tc_hook_destroy(&hook);
}

static int tc_load(struct nic_filter *filter)
{
	char path[32];
	int status;
	int file = nic_filter_file_make(NIC_FILTER_TC);

	if (file < 0)
		return file;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", file);
	filter->object = bpf_object__open_file(path, NULL);
	close(file);
	if (!filter->object)
		return -errno;
	status = bpf_object__load(filter->object);
	if (status) {
		bpf_object__close(filter->object);
		filter->object = NULL;
	}
	return status;
}

static int tc_attach(struct nic_filter *filter)
{
	LIBBPF_OPTS(
		bpf_tc_hook, hook, .ifindex = filter->interface, .attach_point = BPF_TC_INGRESS);
	LIBBPF_OPTS(bpf_tc_opts, options, .priority = TC_PRIORITY);
	struct bpf_program *program =
		bpf_object__find_program_by_name(filter->object, FILTER_TC_PROGRAM);
	int status;

	if (!program)
		return -ENOENT;
	status = quietly_create_hook(&hook);
	if (status && status != -EEXIST)
		return status;
	filter->has_made_hook = status == 0;
	options.prog_fd = bpf_program__fd(program);
	options.handle = filter->has_made_hook ? TC_HANDLE_ON_OUR_HOOK : TC_HANDLE_ON_THEIR_HOOK;
	status = bpf_tc_attach(&hook, &options);
	if (status && filter->has_made_hook) {
		hook.attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS;
		bpf_tc_hook_destroy(&hook);
	}
	return status;
}

static int tc_open(struct nic_filter *filter)
{
	int status = tc_load(filter);

	if (status)
		return status;
	for (int i = 0; i < NIC_FILTER_MAPS; i++) {
		int map = bpf_object__find_map_fd_by_name(filter->object, map_names[i]);

		if (map >= 0)
			filter->maps[i] = dup(map);
	}
	status = maps_check_complete(filter);
	if (status == 0)
		status = tc_attach(filter);
	return status;
}

static void filter_release(struct nic_filter *filter)
{
	for (int i = 0; i < NIC_FILTER_MAPS; i++) {
		if (filter->maps[i] >= 0)
			close(filter->maps[i]);
		filter->maps[i] = -1;
	}
	bpf_object__close(filter->object);
	filter->object = NULL;
}

int nic_filter_open(struct nic_filter *filter, enum nic_filter_kind kind, int interface,
	struct nic_error *error)
{
	int status = 0;

	*filter = (struct nic_filter){.kind = kind, .interface = interface};
	for (int i = 0; i < NIC_FILTER_MAPS; i++)
		filter->maps[i] = -1;
	if (kind == NIC_FILTER_XDP)
		status = xdp_open(filter);
	else if (kind == NIC_FILTER_TC)
		status = tc_open(filter);
	if (status) {
		filter_release(filter);
		filter->kind = NIC_FILTER_NONE;
		nic_error_set(error, "interface %d: no %s filter: %s", interface,
			kind == NIC_FILTER_XDP ? "XDP" : "tc", strerror(-status));
	}
	return status;
}

void nic_filter_close(struct nic_filter *filter)
{
	int status;

	if (filter->kind == NIC_FILTER_NONE)
		return;
	status = nic_filter_detach(filter->kind, filter->interface);
	if (status)
		log_warning("interface %d: the filter stays attached: %s", filter->interface,
			strerror(-status));
	filter_release(filter);
	filter->kind = NIC_FILTER_NONE;
}

int nic_filter_detach(enum nic_filter_kind kind, int interface)
{
	if (kind == NIC_FILTER_XDP)
		return xdp_detach(interface);
	return kind == NIC_FILTER_TC ? tc_detach(interface) : 0;
}
