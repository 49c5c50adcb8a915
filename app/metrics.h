// SPDX-License-Identifier: BSD-3-Clause
// What `prometheus` shows: the counters of all lcores as metrics named millrace_*, those that CoreDNS
// has under the names that it gives them. Management lcore; lcores go on counting meanwhile.
#pragma once

#include "app.h"
#include "stats/prometheus.h"

#define METRICS_LCORE_TEXT 8

void metrics_write(const struct app *app, struct stats_text *text);

// The parts of it.
void metrics_write_lcores(const struct app *app, struct stats_text *text);
void metrics_write_clients(const struct app *app, struct stats_text *text);
void metrics_write_upstreams(const struct app *app, struct stats_text *text);
void metrics_write_names(const struct app *app, struct stats_text *text);
void metrics_write_caches(const struct app *app, struct stats_text *text);

// The value of the label "lcore".
const char *metrics_lcore_text(uint16_t lcore, char text[METRICS_LCORE_TEXT]);

// A counter of the whole program.
void metrics_write_total(
	struct stats_text *text, const char *name, const char *help, uint64_t total);
