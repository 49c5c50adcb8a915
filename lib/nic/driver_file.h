// SPDX-License-Identifier: BSD-3-Clause
// One file a NIC driver (drivers-config/README.md has the keys): what to ask of a port of that
// driver. Read when a port is opened, on the management lcore.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "net/steering.h"
#include "nic/error.h"
#include "nic/nic.h"

#define NIC_DRIVER_NAMES_MOST 8
#define NIC_DRIVER_HINT_TEXT 128

enum nic_driver_offload {
	NIC_DRIVER_RX_IPV4_CHECKSUM = 1 << 0,
	NIC_DRIVER_RX_UDP_CHECKSUM = 1 << 1,
	NIC_DRIVER_TX_IPV4_CHECKSUM = 1 << 2,
	NIC_DRIVER_TX_UDP_CHECKSUM = 1 << 3,
};

// What keeps our frames and the kernel's apart.
enum nic_filter_kind {
	NIC_FILTER_NONE,
	NIC_FILTER_XDP, // redirects ours to AF_XDP sockets
	NIC_FILTER_FLOW, // the NIC itself, by rte_flow rules in isolated mode
	NIC_FILTER_TC, // hides ours from the kernel, whose packet socket has a copy already
};

struct nic_driver_file {
	char names[NIC_DRIVER_NAMES_MOST][NIC_NAME_TEXT]; // rte_eth_dev_info.driver_name
	unsigned int name_count;
	uint16_t queues_most; // 0: what the device says
	uint16_t rx_ring;
	uint16_t tx_ring;
	uint16_t offloads; // enum nic_driver_offload
	enum nic_steering steering[NIC_STEERING_MOST]; // best first
	uint16_t steering_count;
	uint8_t rss_key[NET_STEERING_KEY_BYTES]; // of devices that do not tell theirs
	bool has_rss_key;
	enum nic_kernel_path kernel_path;
	enum nic_filter_kind filter;
	char device_arguments[NIC_DRIVER_HINT_TEXT]; // a hint for people; "" if none
};

// The folder of the driver files: `given` if not NULL, else that of the build which the running
// executable stands in, else the installed one. 0 with `path` filled in, or -ENOENT with `error`.
int nic_drivers_folder(const char *given, char *path, size_t room, struct nic_error *error);

// Reads one file. 0, or -errno with `error` filled in (file, and the section and key in it).
int nic_driver_file_read(const char *path, struct nic_driver_file *driver, struct nic_error *error);

// The file in `folder` that names `driver_name`. 0, -ENOENT when none does, or -errno of the
// first file that can not be read.
int nic_driver_file_find(const char *folder, const char *driver_name,
	struct nic_driver_file *driver, struct nic_error *error);
