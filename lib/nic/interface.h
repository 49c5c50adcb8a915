// SPDX-License-Identifier: BSD-3-Clause
// What ethtool knows of a kernel interface. Management lcore.
#pragma once

#include <stdbool.h>

// Channels in use that receive and send, which are all that the AF_XDP driver takes; 1 for an
// interface that has no such thing, or (veth) counts the two directions apart.
unsigned int nic_interface_channels(const char *name);

// Channels in use that receive, 1 or more.
unsigned int nic_interface_receive_channels(const char *name);

// True for an interface with no device behind it (veth, bridge): nothing to poll in its driver.
bool nic_interface_is_virtual(const char *name);
