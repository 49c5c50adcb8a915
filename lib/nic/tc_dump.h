// SPDX-License-Identifier: BSD-3-Clause
// Whether anybody has a tc filter on the clsact of an interface. Management lcore.
#pragma once

// 1 if so, 0 if not, -errno. `interface` is an index.
int nic_tc_has_filters(int interface);
