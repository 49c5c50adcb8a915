// SPDX-License-Identifier: BSD-3-Clause
// A TAP interface: the kernel's side of a NIC port that DPDK has for itself. What the port
// receives and does not want is written to it, what the kernel sends is read from it. One lcore
// at a time, and no call waits.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "net/address.h"

struct kernel_tap;

// Makes the interface in the caller's network namespace, or takes a persistent one of that name
// that nobody has open, gives it the MAC and MTU (bytes of an IP packet) and brings it up. NULL
// with errno: EINVAL for a name that no interface can have, EBUSY when it is in use, EPERM.
struct kernel_tap *kernel_tap_create(const char *name, const struct net_mac *mac, uint32_t mtu);
// The interface goes away, unless it is a persistent one.
void kernel_tap_destroy(struct kernel_tap *tap);

// Readable when the kernel has sent a frame. The tap keeps it.
int kernel_tap_fd(const struct kernel_tap *tap);
int kernel_tap_ifindex(const struct kernel_tap *tap);

// One frame that the kernel sends, from its Ethernet header on, checksums filled in. Its length;
// -EAGAIN when there is none; -EMSGSIZE when it was longer than `room` (it is lost); -errno.
base_must_check int kernel_tap_read(struct kernel_tap *tap, void *frame, size_t room);

// One frame for the kernel. 0, -EAGAIN, -EINVAL when it is no Ethernet frame, -EIO when the
// interface is down, -errno.
base_must_check int kernel_tap_write(struct kernel_tap *tap, const void *frame, size_t length);
