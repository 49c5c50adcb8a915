// SPDX-License-Identifier: BSD-3-Clause
// The XDP program on an interface, and the kernel's thread that runs it.
#pragma once

#include <bpf/libbpf.h>
#include <sys/types.h>

#include "load.h"

struct kernel_part {
	const char *interface;
	struct bpf_object *object;
	struct bpf_link *link;
	struct load_state *state; // mapped; NULL while there is none
	pid_t thread; // of the interface's NAPI, on a CPU of its own
};

// Loads the program, attaches it (only until this process ends), and gives what it does to a
// thread on `cpu`, at the best priority but for real time's. 0 or -errno, with one line said.
int kernel_part_open(struct kernel_part *part, const char *interface, int cpu);
void kernel_part_close(struct kernel_part *part);
