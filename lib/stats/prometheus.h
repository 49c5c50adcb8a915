// SPDX-License-Identifier: BSD-3-Clause
// The text format of Prometheus, version 0.0.4. All samples of a metric stand behind its begin, each
// with labels of its own. As for names and help, the caller keeps to what the format allows; values of
// labels may be any text.
#pragma once

#include <stdint.h>

#include "stats/text.h"

#define STATS_PROMETHEUS_TYPE "text/plain; version=0.0.4; charset=utf-8"

enum stats_metric_kind {
	STATS_METRIC_COUNTER,
	STATS_METRIC_GAUGE,
	STATS_METRIC_HISTOGRAM,
};

struct stats_label {
	const char *name;
	const char *value;
};

// The metric that samples are written of.
struct stats_metric {
	struct stats_text *text;
	const char *name;
};

struct stats_metric stats_metric_begin(
	struct stats_text *text, const char *name, enum stats_metric_kind kind, const char *help);

void stats_metric_number(const struct stats_metric *metric, const struct stats_label labels[],
	size_t label_count, uint64_t number);

// As seconds.
void stats_metric_duration(const struct stats_metric *metric, const struct stats_label labels[],
	size_t label_count, uint64_t nanoseconds);

// Of durations.
struct stats_histogram {
	const uint64_t *bounds; // nanoseconds, rising
	const uint64_t *counts; // one more than bounds: what is above the last
	size_t bound_count;
	uint64_t sum; // nanoseconds
};

void stats_metric_histogram(const struct stats_metric *metric, const struct stats_label labels[],
	size_t label_count, const struct stats_histogram *histogram);
