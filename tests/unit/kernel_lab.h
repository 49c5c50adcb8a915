// SPDX-License-Identifier: BSD-3-Clause
// For the tests of lib/kernel: a network namespace that the test program itself lives in, a
// second one for what is at the other end of its links, and waiting on conditions. Needs root.
#pragma once

#include <stdbool.h>

#include "kernel/tables.h"
#include "unit.h"

#define LAB_SKIPPED 77 // meson's exit status of a test that can not run here

// Runs the cases in new namespaces. LAB_SKIPPED, saying why, without the right to make them.
int lab_run_cases(const char *suite_name, const struct unit_case *cases, size_t count);

#define LAB_MAIN(suite_name, cases)                                                                \
	int main(void)                                                                             \
	{                                                                                          \
		return lab_run_cases(suite_name, cases, sizeof(cases) / sizeof((cases)[0]));       \
	}

// Runs a shell command in the program's namespace, or in the other one. Its exit status.
int lab_try(const char *format, ...) base_printf(1, 2);
// The same, and a failed assertion unless it exits 0.
void lab_do(const char *format, ...) base_printf(1, 2);
void lab_do_at_peer(const char *format, ...) base_printf(1, 2);

// A veth pair: `port` here, up, with MAC 02:00:00:00:00:01, 10.53.0.2/24 and fd53::2/64; `peer` in
// the other namespace with MAC 02:00:00:00:00:02, 10.53.0.1/24 and fd53::1/64. lab_end removes it.
struct kernel_tables *lab_begin(void); // with `port` attached as NIC port 3
void lab_end(struct kernel_tables *tables);

#define LAB_PORT 3

// Whether this kernel has 802.1Q interfaces; says so when not. test_kernel_mirror.c goes through
// the same with messages made by hand.
bool lab_has_vlan(void);

typedef bool (*lab_condition)(struct kernel_tables *tables, void *context);

// Updates the tables until the condition holds, at most some ten seconds. Whether it does.
bool lab_wait(struct kernel_tables *tables, lab_condition condition, void *context);
// The same, asking for the neighbour to `destination` all the while.
bool lab_wait_resolving(struct kernel_tables *tables, const char *destination,
	lab_condition condition, void *context);

struct net_address lab_address(const char *text);
// Whether the port is listed with this address.
bool lab_lists(const struct kernel_tables *tables, const char *text);
struct net_path lab_path(const struct kernel_tables *tables, const char *destination);
