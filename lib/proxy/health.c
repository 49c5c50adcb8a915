// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/health.h"

#include <errno.h>
#include <stdlib.h>

#define LINK_WORDS 1024
// What one turn hears of one lcore.
#define WORDS_A_TURN LINK_WORDS
// A check of which its sender says nothing for so much longer than it may take is lost.
#define LOST_AFTER (PROXY_CHECK_TIME_MOST + CLOCK_SECOND)

int proxy_health_link_init(struct proxy_health_link *link)
{
	int error = handle_ring_init(&link->to_manager, LINK_WORDS);

	if (error)
		return error;
	return handle_ring_init(&link->to_lcore, LINK_WORDS);
}

void proxy_health_link_fini(struct proxy_health_link *link)
{
	handle_ring_fini(&link->to_manager);
	handle_ring_fini(&link->to_lcore);
}

void proxy_health_tell_failure(
	struct proxy_health_link *link, const struct proxy_set *set, uint16_t upstream)
{
	const struct proxy_upstream *described = &set->upstreams[upstream];
	const struct proxy_check about = {.upstream = upstream};

	if (base_load(&described->is_checked) || !set->groups[described->group].health.max_fails)
		return;
	(void)handle_ring_push(
		&link->to_manager, proxy_health_word(PROXY_NEWS_EXCHANGE_FAILED, about));
}

struct proxy_health *proxy_health_create(struct proxy_set *set)
{
	size_t count = set->upstream_capacity + 1u;
	struct proxy_health *health = calloc(1, sizeof(*health));

	if (!health)
		return NULL;
	health->set = set;
	health->states = calloc(count, sizeof(*health->states));
	health->listed = calloc(count, sizeof(*health->listed));
	if (health->states && health->listed)
		return health;
	proxy_health_destroy(health);
	errno = ENOMEM;
	return NULL;
}

void proxy_health_destroy(struct proxy_health *health)
{
	if (!health)
		return;
	free(health->states);
	free(health->listed);
	free(health);
}

static const struct proxy_health_settings *settings_of(
	const struct proxy_health *health, uint16_t upstream)
{
	return &health->set->groups[health->set->upstreams[upstream].group].health;
}

// Looked at in each turn from now on, until there is nothing to do for it.
static void list(struct proxy_health *health, uint16_t upstream)
{
	if (health->states[upstream].is_listed)
		return;
	health->states[upstream].is_listed = true;
	health->listed[health->listed_count++] = upstream;
}

static void set_share(struct proxy_health *health, uint16_t upstream, uint8_t share)
{
	struct proxy_upstream *described = &health->set->upstreams[upstream];
	bool was_down = proxy_upstream_is_down(described);
	bool is_down = share == PROXY_SHARE_DOWN;

	base_store(&described->share, share);
	if (health->changed && was_down != is_down)
		health->changed(health->context, upstream, is_down);
}

static void enter_phase(
	struct proxy_health *health, uint16_t upstream, enum proxy_health_phase phase, uint64_t due)
{
	struct proxy_health_state *state = &health->states[upstream];

	base_store(&state->phase, (uint8_t)phase);
	state->due = due;
	base_store(&health->set->upstreams[upstream].is_checked, phase != PROXY_HEALTH_RESTS);
	list(health, upstream);
}

// It has the share that it had, if what it takes to be down is what it was.
static void upstream_follow(
	struct proxy_health *health, const struct proxy_set *old, uint16_t upstream)
{
	const struct proxy_health_settings *settings = settings_of(health, upstream);
	struct proxy_health_state *state = &health->states[upstream];
	uint8_t share = base_load(&old->upstreams[upstream].share);
	bool stays = health->set->upstreams[upstream].presence == PROXY_STAYS;

	if (!settings->max_fails)
		state->fails = 0;
	if (share == PROXY_SHARE_DRAIN && stays) {
		base_store(&health->set->upstreams[upstream].share, share);
		return;
	}
	if (state->fails > settings->max_fails)
		share = PROXY_SHARE_DOWN;
	else if (!proxy_share_is_some(share))
		share = 1;
	base_store(&health->set->upstreams[upstream].share, share);
	if (settings->max_fails && stays)
		enter_phase(health, upstream, state->phase, state->due);
	else
		enter_phase(health, upstream, PROXY_HEALTH_RESTS, 0);
}

void proxy_health_follow(struct proxy_health *health, struct proxy_set *set)
{
	const struct proxy_set *old = health->set;

	health->set = set;
	for (uint16_t i = 0; i < set->upstream_capacity; i++) {
		struct proxy_health_state *state = &health->states[i];
		bool is_listed = state->is_listed;

		if (set->upstreams[i].presence != PROXY_FREE &&
			set->upstreams_since[i] <= old->generation) {
			upstream_follow(health, old, i);
			continue;
		}
		// Checks of who had the number before are none of it.
		*state = (struct proxy_health_state){.number = state->number};
		state->is_listed = is_listed;
	}
}

// The checks have an end: an upstream that was down takes a little now, and more later.
static void hear_good(struct proxy_health *health, uint16_t upstream, uint64_t now)
{
	struct proxy_health_state *state = &health->states[upstream];

	base_store(&state->fails, 0);
	if (proxy_upstream_is_down(&health->set->upstreams[upstream]))
		set_share(health, upstream, 1);
	state->step_at = now + PROXY_SHARE_STEP;
	enter_phase(health, upstream, PROXY_HEALTH_RESTS, 0);
}

static void hear_failed(struct proxy_health *health, uint16_t upstream, uint64_t now)
{
	const struct proxy_health_settings *settings = settings_of(health, upstream);
	struct proxy_health_state *state = &health->states[upstream];

	base_store(&state->failures, state->failures + 1);
	if (state->fails < UINT32_MAX)
		base_store(&state->fails, state->fails + 1);
	if (state->fails > settings->max_fails)
		set_share(health, upstream, PROXY_SHARE_DOWN);
	enter_phase(health, upstream, PROXY_HEALTH_WAITS, now + settings->pause);
}

// One that may be drained, and be wanted again.
static bool is_there(const struct proxy_health *health, uint16_t upstream)
{
	return upstream < health->set->upstream_count &&
	       health->set->upstreams[upstream].presence == PROXY_STAYS;
}

bool proxy_health_drain(struct proxy_health *health, uint16_t upstream)
{
	struct proxy_upstream *described;

	if (!is_there(health, upstream))
		return false;
	described = &health->set->upstreams[upstream];
	if (proxy_upstream_is_in_drain(described))
		return false;
	base_store(&health->states[upstream].fails, 0);
	enter_phase(health, upstream, PROXY_HEALTH_RESTS, 0);
	base_store(&described->share, PROXY_SHARE_DRAIN);
	return true;
}

bool proxy_health_undrain(struct proxy_health *health, uint16_t upstream, uint64_t now)
{
	if (!is_there(health, upstream) ||
		!proxy_upstream_is_in_drain(&health->set->upstreams[upstream]))
		return false;
	base_store(&health->set->upstreams[upstream].share, 1);
	health->states[upstream].step_at = now + PROXY_SHARE_STEP;
	list(health, upstream);
	return true;
}

// Words may be about who has left or is in drain, and checks that are no more.
void proxy_health_hear(struct proxy_health *health, uint32_t word, uint64_t now)
{
	struct proxy_check check = proxy_check_of_word(word);
	enum proxy_health_news news = (enum proxy_health_news)(word >> 30);
	const struct proxy_health_state *state;

	if (!is_there(health, check.upstream) ||
		proxy_upstream_is_in_drain(&health->set->upstreams[check.upstream]) ||
		!settings_of(health, check.upstream)->max_fails)
		return;
	state = &health->states[check.upstream];
	if (news == PROXY_NEWS_EXCHANGE_FAILED) {
		if (state->phase == PROXY_HEALTH_RESTS)
			enter_phase(health, check.upstream, PROXY_HEALTH_WAITS, now);
		return;
	}
	if (state->phase != PROXY_HEALTH_ASKS || state->number != check.number)
		return;
	if (news == PROXY_NEWS_CHECK_GOOD)
		hear_good(health, check.upstream, now);
	else if (news == PROXY_NEWS_CHECK_FAILED)
		hear_failed(health, check.upstream, now);
	else
		enter_phase(health, check.upstream, PROXY_HEALTH_WAITS,
			now + settings_of(health, check.upstream)->pause);
}

// With no room for it, it is due in the next turn, too.
static void send_check(struct proxy_health *health, uint16_t upstream,
	struct proxy_health_link *link, uint64_t now)
{
	struct proxy_health_state *state = &health->states[upstream];
	const struct proxy_check check = {.upstream = upstream,
		.number = (uint16_t)((state->number + 1u) & PROXY_CHECK_NUMBER_MASK)};

	if (!handle_ring_push(&link->to_lcore, proxy_check_word(check)))
		return;
	state->number = check.number;
	base_store(&state->checks, state->checks + 1);
	enter_phase(health, upstream, PROXY_HEALTH_ASKS, now + LOST_AFTER);
}

// While it is checked, nothing speaks for more.
static void grow_share(struct proxy_health *health, uint16_t upstream, uint64_t now)
{
	struct proxy_health_state *state = &health->states[upstream];
	uint8_t share = base_load(&health->set->upstreams[upstream].share);

	if (state->phase != PROXY_HEALTH_RESTS || share == PROXY_SHARE_ALL || now < state->step_at)
		return;
	state->step_at = now + PROXY_SHARE_STEP;
	set_share(health, upstream, (uint8_t)(share + 1));
}

// False: there is nothing more to do for it.
static bool look_after(struct proxy_health *health, uint16_t upstream,
	struct proxy_health_link *link, uint64_t now)
{
	const struct proxy_health_state *state = &health->states[upstream];

	if (!is_there(health, upstream) ||
		proxy_upstream_is_in_drain(&health->set->upstreams[upstream]))
		return false;
	if (state->phase != PROXY_HEALTH_RESTS && now >= state->due)
		send_check(health, upstream, link, now);
	grow_share(health, upstream, now);
	return state->phase != PROXY_HEALTH_RESTS ||
	       base_load(&health->set->upstreams[upstream].share) != PROXY_SHARE_ALL;
}

void proxy_health_turn(struct proxy_health *health, struct proxy_health_link *const links[],
	uint16_t link_count, uint16_t sender_count, uint64_t now)
{
	uint32_t word;

	for (uint16_t i = 0; i < link_count; i++) {
		for (int j = 0; j < WORDS_A_TURN && handle_ring_pop(&links[i]->to_manager, &word);
			j++)
			proxy_health_hear(health, word, now);
	}
	for (uint32_t i = 0; i < health->listed_count;) {
		uint16_t upstream = health->listed[i];

		if (look_after(health, upstream, links[upstream % sender_count], now)) {
			i++;
			continue;
		}
		health->states[upstream].is_listed = false;
		health->listed[i] = health->listed[--health->listed_count];
	}
}
