// SPDX-License-Identifier: BSD-3-Clause
#include "kernel_part.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <unistd.h>

#include "base/log.h"

// tests/bench/veth_load/meson.build makes these.
extern const char _binary_tests_bench_veth_load_load_bpf_start[];
extern const char _binary_tests_bench_veth_load_load_bpf_end[];

// The highest id of a NAPI thread of an interface of this name, in whatever namespace.
static pid_t napi_thread_last(const char *interface)
{
	DIR *folder = opendir("/proc");
	struct dirent *entry;
	char wanted[32], name[32], path[64];
	pid_t last = 0;

	snprintf(wanted, sizeof(wanted), "napi/%s-", interface);
	while (folder && (entry = readdir(folder))) {
		FILE *file;
		pid_t thread = (pid_t)strtol(entry->d_name, NULL, 10);

		if (!isdigit((unsigned char)entry->d_name[0]) || thread < last)
			continue;
		snprintf(path, sizeof(path), "/proc/%d/comm", thread);
		file = fopen(path, "r");
		if (file && fgets(name, sizeof(name), file) &&
			strncmp(name, wanted, strlen(wanted)) == 0)
			last = thread;
		if (file)
			fclose(file);
	}
	if (folder)
		closedir(folder);
	return last;
}

static int threads_switch(const char *interface, const char *value)
{
	char path[64];
	FILE *file;
	int status;

	snprintf(path, sizeof(path), "/sys/class/net/%s/threaded", interface);
	file = fopen(path, "w");
	if (!file)
		return -errno;
	status = fputs(value, file) < 0 ? -EIO : 0;
	if (fclose(file))
		status = -errno;
	return status;
}

// The interface has a NAPI from the attaching of the program on.
static int thread_open(struct kernel_part *part, int cpu, pid_t before)
{
	int status = threads_switch(part->interface, "1\n");
	cpu_set_t cpus;

	if (status)
		return status;
	part->thread = napi_thread_last(part->interface);
	if (part->thread == before)
		return -ESRCH;
	CPU_ZERO(&cpus);
	CPU_SET((size_t)cpu, &cpus);
	return sched_setaffinity(part->thread, sizeof(cpus), &cpus) ||
			       setpriority(PRIO_PROCESS, (id_t)part->thread, -20)
		       ? -errno
		       : 0;
}

static int state_open(struct kernel_part *part)
{
	int map = bpf_object__find_map_fd_by_name(part->object, LOAD_STATE_MAP);
	void *state;

	if (map < 0)
		return map;
	state = mmap(NULL, sizeof(*part->state), PROT_READ | PROT_WRITE, MAP_SHARED, map, 0);
	if (state == MAP_FAILED)
		return -errno;
	part->state = state;
	return 0;
}

static int program_open(struct kernel_part *part, const char *interface)
{
	size_t size = (size_t)(_binary_tests_bench_veth_load_load_bpf_end -
			       _binary_tests_bench_veth_load_load_bpf_start);
	struct bpf_program *program;
	int index = (int)if_nametoindex(interface);

	if (!index)
		return -errno;
	part->object =
		bpf_object__open_mem(_binary_tests_bench_veth_load_load_bpf_start, size, NULL);
	if (!part->object)
		return -errno;
	program = bpf_object__find_program_by_name(part->object, LOAD_PROGRAM);
	if (!program)
		return -ENOENT;
	if (bpf_object__load(part->object))
		return -errno;
	part->link = bpf_program__attach_xdp(program, index);
	return part->link ? 0 : -errno;
}

int kernel_part_open(struct kernel_part *part, const char *interface, int cpu)
{
	pid_t before = napi_thread_last(interface);
	int status;

	*part = (struct kernel_part){.interface = interface};
	status = program_open(part, interface);
	if (status == 0)
		status = state_open(part);
	if (status == 0)
		status = thread_open(part, cpu, before);
	if (status) {
		log_error("%s: %s", interface, strerror(-status));
		kernel_part_close(part);
	}
	return status;
}

void kernel_part_close(struct kernel_part *part)
{
	if (part->state)
		munmap(part->state, sizeof(*part->state));
	bpf_link__destroy(part->link);
	if (part->thread)
		threads_switch(part->interface, "0\n");
	bpf_object__close(part->object);
	*part = (struct kernel_part){0};
}
