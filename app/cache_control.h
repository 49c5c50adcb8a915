// SPDX-License-Identifier: BSD-3-Clause
// What other threads ask of the caches (cache_request.h), served by the management lcore a piece a
// turn. Post and wait are any other thread's; all else is the manager's.
#pragma once

#include "cache_request.h"
#include "forward/caches.h"

struct cache_control;

// For caches that live longer. NULL with errno ENOMEM.
struct cache_control *cache_control_create(struct forward_caches *caches);

// The caches after a reload, with the same stores.
void cache_control_follow(struct cache_control *control, struct forward_caches *caches);

// When nobody new can ask; who still waits is answered -ESHUTDOWN.
void cache_control_destroy(struct cache_control *control);

// Post puts a request in: 0, or -EBUSY while another thread asks. After 0, wait gives its answer,
// at most 5 s later: 0, -ETIMEDOUT, -ESHUTDOWN. It sleeps, so an RCU reader goes offline for
// it; `control` is there until it returns.
base_must_check int cache_control_post(
	struct cache_control *control, const struct cache_request *request);
base_must_check int cache_control_wait(
	struct cache_control *control, struct cache_request *request);

// The manager's own way, which waits for nothing: begins what the request asks, and fills in its answer
// there; the request has to stay until it is done. False while another one is served.
base_must_check bool cache_control_begin(
	struct cache_control *control, struct cache_request *request);
bool cache_control_is_done(
	const struct cache_control *control, const struct cache_request *request);

// A turn of the manager, while owners poll. `wall`: seconds since 1970 at `now`. True if there is more to do at once.
bool cache_control_turn(struct cache_control *control, uint64_t now, uint64_t wall);
