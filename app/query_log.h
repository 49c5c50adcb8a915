// SPDX-License-Identifier: BSD-3-Clause
// Writes what `log` and `errors` tell to standard output, by the management lcore from a ring of each
// lcore. Where whoever reads it is slow, records are left out and counted (log_dropped); nobody waits
// for anybody. Records made before a reload are written by the rules that stand where theirs did.
// Errors that `consolidate` takes together are told of when their time is over, or a reload or the end
// comes first.
#pragma once

#include "app.h"

#define QUERY_LOG_RECORDS 8192 // of one lcore, not yet written down

// 0 or -errno with one line said.
base_must_check int query_log_open(struct app *app);
// With the last records written down, as far as somebody reads. Lcores have ended.
void query_log_close(struct app *app);

// Makes what a configuration with `log` or `errors` needs, before lcores see it. 0, or -ENOMEM with
// why in one line. Then one of the next two.
base_must_check int query_log_prepare(struct app *app, const struct config *config,
	const struct proxy_set *set, struct config_error *why);

// Goes over to what was prepared, while the configuration before is there.
void query_log_follow(struct app *app);
void query_log_forget(struct app *app);

// Each turn of the loop. True if there is more to do at once.
bool query_log_turn(struct app *app, uint64_t now);
