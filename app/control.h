// SPDX-License-Identifier: BSD-3-Clause
// What millracectl asks (app/millracectl/): a verb and its words on a line, answered by an object of
// JSON on a line; {"error": TEXT} where it can not be done. Management lcore.
//
//   status                        of the program
//   upstreams [WHICH]             counts and connections; of one in full. WHICH is its number, or
//                                 ADDRESS[:PORT] for all there
//   drain WHICH                   no query goes there any more, those on their way finish
//   undrain WHICH                 it comes back step by step
//   lcores                        how busy they are, and what they dropped
//   names                         host names in TO: their addresses, and what came of asking for them
//   cache                         what caches hold
//   cache show NAME [TYPE] [N]    and flush, dump, load: as cache_request.h has it
//   log-level [LEVEL]             of DPDK: emergency, alert, critical, error, warning, notice, info, debug
//   reload                        begins one; status says what came of it
#pragma once

#include "app.h"
#include "stats/json.h"

struct control;

// Listens at --control-socket, or where it is by default, which is not said to be wrong when it can not
// be done there. 0 or -errno with one line said.
base_must_check int control_open(struct app *app);
void control_close(struct app *app);

// Readable when there is something to do; -1 without a socket.
int control_fd(const struct app *app);

// Each turn of the loop.
void control_turn(struct app *app, uint64_t now);

// What each lcore had counted at one time.
struct control_sample {
	uint64_t busy_nanoseconds;
	uint64_t busy_polls;
	uint64_t frames;
};

// What was between two times, a second or so apart.
struct control_interval {
	uint64_t nanoseconds; // 0: there was none yet
	const struct control_sample *before; // by lcore
	const struct control_sample *after;
};

// The answers that are only looked up. `words`: behind the verb.
void control_show_status(
	const struct app *app, uint64_t opened_at, uint64_t now, struct stats_json *json);
void control_show_upstreams(const struct app *app, const char *words, struct stats_json *json);
void control_show_lcores(
	const struct app *app, const struct control_interval *interval, struct stats_json *json);
void control_show_caches(const struct app *app, struct stats_json *json);
void control_show_names(const struct app *app, uint64_t now, struct stats_json *json);
// The host name whose address this upstream is; "" for one that is written as an address.
const char *control_upstream_name(const struct app *app, uint16_t upstream);

// What is changed for upstreams, and what became of each.
void control_drain(struct app *app, const char *words, uint64_t now, struct stats_json *json);
void control_undrain(struct app *app, const char *words, uint64_t now, struct stats_json *json);

// What upstreams `words` stand for: calls `use` with each. The number of them.
uint32_t control_for_upstreams(const struct app *app, const char *words, void *context,
	void (*use)(void *context, uint16_t upstream));
