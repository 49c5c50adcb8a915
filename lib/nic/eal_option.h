// SPDX-License-Identifier: BSD-3-Clause
// Options on EAL's command line, as getopt_long takes them: "-l 0-1", "-l0-1", "--vdev X",
// "--vdev=X".
#pragma once

#include <stdbool.h>

// The value of the option that argv[*index] is, if it is `name` ("-l" or "--vdev"), and moves
// *index to the argument which the value stands in. NULL for another option or no value.
const char *nic_eal_option_at(int argc, char *const argv[], const char *name, int *index);

// The value of the first such option, or NULL.
const char *nic_eal_option(int argc, char *const argv[], const char *name);

// True when the option is there; for options without a value.
bool nic_eal_flag(int argc, char *const argv[], const char *name);
