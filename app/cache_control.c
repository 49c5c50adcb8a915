// SPDX-License-Identifier: BSD-3-Clause
#include "cache_control.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "cache_transfer.h"
#include "mailbox.h"

#define WAIT_MOST (5 * CLOCK_SECOND)
// The manager says what it has by then, so that it is there before who asks is gone.
#define SERVE_MOST (WAIT_MOST - 250 * CLOCK_MILLISECOND)
// How often what is of no use any more is removed, so that counts are of answers that are.
#define EXPIRE_PERIOD (60 * CLOCK_SECOND)
#define WALKED_A_TURN 8192u // answers, or buckets without

struct cache_control {
	struct forward_caches *caches;
	struct mailbox *mailbox;
	// The request at hand, NULL for none, and how far it is.
	struct cache_request *request;
	struct cache_request *own; // begun by the manager itself, until it is answered
	uint64_t deadline;
	uint16_t cache;
	uint64_t cursor; // to show: of the walk
	bool has_begun; // to flush: this cache
	uint64_t expire_due; // 0 before the first turn
	// A dump or load; it may go on when its request was answered, for want of time.
	struct cache_transfer transfer;
	bool is_awaited; // by the request at hand
};

struct cache_control *cache_control_create(struct forward_caches *caches)
{
	struct cache_control *control = calloc(1, sizeof(*control));

	if (!control)
		return NULL;
	control->caches = caches;
	control->mailbox = mailbox_create(sizeof(struct cache_request));
	if (control->mailbox)
		return control;
	free(control);
	errno = ENOMEM;
	return NULL;
}

void cache_control_follow(struct cache_control *control, struct forward_caches *caches)
{
	control->caches = caches;
}

void cache_control_destroy(struct cache_control *control)
{
	if (!control)
		return;
	mailbox_destroy(control->mailbox);
	if (cache_transfer_is_active(&control->transfer))
		log_warning("cache: %s: given up at the end", control->transfer.path);
	cache_transfer_stop(&control->transfer);
	free(control);
}

int cache_control_post(struct cache_control *control, const struct cache_request *request)
{
	return mailbox_post(control->mailbox, request);
}

int cache_control_wait(struct cache_control *control, struct cache_request *request)
{
	return mailbox_wait(control->mailbox, request, WAIT_MOST);
}

bool cache_control_begin(struct cache_control *control, struct cache_request *request)
{
	if (control->request || control->own)
		return false;
	control->own = request;
	return true;
}

bool cache_control_is_done(const struct cache_control *control, const struct cache_request *request)
{
	return control->own != request;
}

struct show {
	struct cache_request *request;
	uint16_t cache;
	uint32_t now; // seconds
};

static bool is_asked_for(const struct cache_request *request, const struct cache_key *key)
{
	return cache_key_name_length(key->bytes) == request->name.length &&
	       memcmp(cache_key_name(key->bytes), request->name.wire, request->name.length) == 0 &&
	       (!request->has_type || cache_key_type(key->bytes) == request->type);
}

static bool show_answer(const struct cache_view *view, void *context)
{
	const struct show *show = context;
	struct cache_request *request = show->request;
	struct cache_key key;

	cache_view_key(view, &key);
	if (!is_asked_for(request, &key) || cache_seconds_until(view->stale_until, show->now) <= 0)
		return true;
	request->count++;
	if (request->shown_count == CACHE_SHOWN_MOST)
		return true;
	request->shown[request->shown_count++] = (struct cache_shown){
		.cache = show->cache,
		.type = cache_key_type(key.bytes),
		.class_ = cache_key_class(key.bytes),
		.value_length = view->value_length,
		.flags = cache_key_flags(key.bytes),
		.subnet_family = cache_key_subnet_family(key.bytes),
		.subnet_prefix = cache_key_subnet_prefix(key.bytes),
		.kind = view->kind,
		// The flags of a message stand first (cache/answer.h).
		.rcode = view->value_here < 2 ? 0 : bytes_load_u16(view->value) & 0xf,
		.age = show->now - view->stored_at,
		.ttl = cache_seconds_until(view->expires_at, show->now),
		.stale = cache_seconds_until(view->stale_until, view->expires_at),
	};
	return true;
}

// The next two: true if the cache at hand is done.
static bool show_cache(struct cache_control *control, uint64_t now)
{
	struct show show = {control->request, control->cache, cache_seconds(now)};

	return !cache_store_walk(control->caches->caches[control->cache].store, &control->cursor,
		WALKED_A_TURN, show_answer, &show);
}

static bool flush_cache(struct cache_control *control, uint64_t now)
{
	struct cache_store *store = control->caches->caches[control->cache].store;
	struct cache_request *request = control->request;
	uint64_t removed;

	// Another flush may still go on: then it is tried again.
	if (!control->has_begun)
		control->has_begun = !cache_store_flush(store, request->scope, &request->name, now);
	if (!control->has_begun || !cache_store_flush_is_done(store, &removed))
		return false;
	request->count += removed;
	return true;
}

static void set_error(struct cache_request *request, const char *text)
{
	(void)snprintf(request->error, sizeof(request->error), "%s", text);
}

static void begin_transfer(struct cache_control *control, uint64_t now, uint64_t wall)
{
	struct cache_request *request = control->request;
	struct cache_transfer *transfer = &control->transfer;
	struct cache_store *store = control->caches->caches[request->first].store;
	int error;

	if (cache_transfer_is_active(transfer)) {
		set_error(request, "another file is being written or read");
		return;
	}
	(void)snprintf(transfer->path, sizeof(transfer->path), "%s", request->path);
	error = request->verb == CACHE_REQUEST_DUMP
			? cache_transfer_dump(transfer, store, now, wall)
			: cache_transfer_load(transfer, store, now, wall);
	if (error)
		set_error(request, transfer->error.text);
	else
		control->is_awaited = true;
}

static bool step_transfer(struct cache_control *control, uint64_t now)
{
	struct cache_transfer *transfer = &control->transfer;
	enum cache_file_progress progress;

	if (!cache_transfer_is_active(transfer))
		return false;
	progress = cache_transfer_step(transfer, now);
	if (control->is_awaited)
		control->request->count = transfer->count;
	if (progress == CACHE_FILE_FAILED) {
		log_error("cache: %s", transfer->error.text);
		if (control->is_awaited)
			set_error(control->request, transfer->error.text);
	}
	return progress == CACHE_FILE_MORE;
}

static void take_request(struct cache_control *control, uint64_t now, uint64_t wall)
{
	control->request = control->own ? control->own : mailbox_receive(control->mailbox);
	if (!control->request)
		return;
	control->deadline = now + SERVE_MOST;
	control->cache = control->request->first;
	control->cursor = 0;
	control->has_begun = false;
	if (control->request->verb == CACHE_REQUEST_DUMP ||
		control->request->verb == CACHE_REQUEST_LOAD)
		begin_transfer(control, now, wall);
}

static void answer_request(struct cache_control *control, bool is_done)
{
	bool is_own = control->request == control->own;

	control->request->is_done = is_done;
	control->request = NULL;
	control->is_awaited = false;
	if (is_own)
		control->own = NULL;
	else
		mailbox_answer(control->mailbox, 0);
}

// True if the cache at hand is done.
static bool serve_cache(struct cache_control *control, uint64_t now)
{
	switch (control->request->verb) {
	case CACHE_REQUEST_SHOW:
		return show_cache(control, now);
	case CACHE_REQUEST_FLUSH:
		return flush_cache(control, now);
	case CACHE_REQUEST_DUMP:
	case CACHE_REQUEST_LOAD:
		break;
	}
	return !control->is_awaited || !cache_transfer_is_active(&control->transfer);
}

// True if there is more to do at once: owners flush in their own time.
static bool serve_request(struct cache_control *control, uint64_t now)
{
	bool is_walk = control->request->verb == CACHE_REQUEST_SHOW;
	bool is_cache_done = serve_cache(control, now);

	if (is_cache_done && control->cache == control->request->last) {
		answer_request(control, true);
		return false;
	}
	if (is_cache_done) {
		control->cache++;
		control->cursor = 0;
		control->has_begun = false;
		return true;
	}
	if (now < control->deadline)
		return is_walk;
	answer_request(control, false);
	return false;
}

// Not while a request is served, whose flush it might be taken for.
static void expire_caches(struct cache_control *control, uint64_t now)
{
	bool is_due = control->expire_due && now >= control->expire_due;

	if (control->expire_due && !is_due)
		return;
	control->expire_due = now + EXPIRE_PERIOD;
	for (uint16_t i = 0; i < control->caches->count && is_due; i++) {
		// One that is still at the last flush is left for the next time.
		if (cache_store_flush(
			    control->caches->caches[i].store, CACHE_FLUSH_EXPIRED, NULL, now))
			continue;
	}
}

bool cache_control_turn(struct cache_control *control, uint64_t now, uint64_t wall)
{
	bool has_more;

	if (!control->request)
		take_request(control, now, wall);
	has_more = step_transfer(control, now);
	if (control->request)
		has_more |= serve_request(control, now);
	else
		expire_caches(control, now);
	return has_more;
}
