// SPDX-License-Identifier: BSD-3-Clause
// The filter in the kernel of one interface: found or attached, its tables kept, detached.
// Management lcore only. Inside nic/ only; nic_filter_set is the way in from above.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "nic/driver_file.h"
#include "nic/error.h"
#include "nic/nic.h"

enum nic_filter_map {
	NIC_FILTER_MAP_SERVED,
	NIC_FILTER_MAP_LOCAL,
	NIC_FILTER_MAP_UPSTREAMS,
	NIC_FILTER_MAP_PORTS,
	NIC_FILTER_MAPS,
};

struct bpf_object;

struct nic_filter {
	enum nic_filter_kind kind;
	int interface; // index
	int maps[NIC_FILTER_MAPS]; // descriptors, or -1
	uint8_t round; // value of every entry that the last call wrote
	bool has_made_hook; // tc: the clsact queueing discipline is ours
	struct bpf_object *object; // tc: what we loaded
};

// The built-in filter's object code in a file that only this process sees. A descriptor, or
// -errno.
int nic_filter_file_make(enum nic_filter_kind kind);

// XDP: finds the filter that the driver attached. TC: attaches it. Nothing is let through yet.
// 0, or -errno with `error` filled in, and nothing left to close.
int nic_filter_open(struct nic_filter *filter, enum nic_filter_kind kind, int interface,
	struct nic_error *error);

// As nic_filter_set.
int nic_filter_apply(struct nic_filter *filter, const struct nic_filter_rules *rules);

// Detaches the filter, if it is still there.
void nic_filter_close(struct nic_filter *filter);

// The id of an XDP program that is attached to the interface, 0 if none, or -errno.
int nic_filter_xdp_id(int interface);

// Detaches a filter of ours that an earlier run left on the interface. 0 also if there was none.
int nic_filter_detach(enum nic_filter_kind kind, int interface);
