// SPDX-License-Identifier: BSD-3-Clause
// Health checks of upstreams: how they leave, and how they end. Only forward/ includes this.
#pragma once

#include "forward/lcore.h"
#include "proxy/check.h"

// Once a turn: sends what the management lcore wants sent.
void forward_checks_turn(struct forward_lcore *lcore, uint64_t now);

// The check in the slot was answered by the frame, which is taken; or it failed, and the frame is
// taken if it is not NULL.
void forward_check_answer(
	struct forward_lcore *lcore, uint32_t slot, struct net_frame *frame, uint64_t now);
void forward_check_fail(struct forward_lcore *lcore, uint32_t slot, enum proxy_failure failure,
	struct net_frame *frame, uint64_t now);
