// SPDX-License-Identifier: BSD-3-Clause
// What ethtool knows of a kernel interface. Management lcore.
#pragma once

#include <stdbool.h>

// RX/TX channel pairs in use; 1 for an interface that has no such thing.
unsigned int nic_interface_channels(const char *name);

// True for an interface with no device behind it (veth, bridge): nothing to poll in its driver.
bool nic_interface_is_virtual(const char *name);
