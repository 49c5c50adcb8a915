// SPDX-License-Identifier: BSD-3-Clause
// How many lcores EAL will start, told from its command line before it does.
#pragma once

// From -l, -c, --lcores or, without any of them, from the CPUs this process may run on. 0 when
// the list is not one that EAL takes (EAL says what is wrong with it).
unsigned int nic_lcore_count(int argc, char *const argv[]);
