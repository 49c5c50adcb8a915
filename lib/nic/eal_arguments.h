// SPDX-License-Identifier: BSD-3-Clause
// The command line of EAL, made fit before rte_eal_init sees it, so that
// `--vdev=net_af_xdp0,iface=eth0` is all that a user writes. Management lcore, at start.
//
// Every AF_XDP device without `xdp_prog` gets the built-in filter through a file in memory, with
// `queue_count` for the workers and, where there is no device to poll, `busy_budget=0`, unless
// given; EAL then gets `--iova-mode=va`. An AF_PACKET device gets `qpairs` for the workers. What
// an earlier run that was killed left attached to the interface of a device is detached. Without
// huge pages, the start is refused with the command that helps; `--no-huge` without `-m` gets an
// amount.
#pragma once

#include "nic/error.h"

struct nic_eal_arguments {
	int argc;
	char **argv; // for rte_eal_init, which may reorder it
	char **owned; // the strings of argv, to be freed
	int owned_count;
	int filter_file; // descriptor of the XDP filter in memory, or -1
};

// Makes `arguments` out of the EAL part of a command line (argv[0], and what is before `--`).
// `other_lcores` says how many of the lcores are no workers (the main lcore: 1). The result
// stays alive until nic_open has returned. 0, or -errno with `error` filled in.
int nic_eal_arguments_make(int argc, char *const argv[], unsigned int other_lcores,
	struct nic_eal_arguments *arguments, struct nic_error *error);

void nic_eal_arguments_free(struct nic_eal_arguments *arguments);
