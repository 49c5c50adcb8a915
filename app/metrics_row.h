// SPDX-License-Identifier: BSD-3-Clause
// Metrics as rows of tables: a row says what a metric is called, what it counts, and where its
// numbers stand in the struct that sums up one of its subjects: an lcore, an upstream, a cache. Who
// adds a metric adds a row to the table of its subject.
#pragma once

#include <stddef.h>

#include "number_field.h"
#include "stats/prometheus.h"

#define METRICS_PARTS_MOST 4
#define METRICS_LABELS_MOST 5

// One sample of several: the value of the row's label, and the number.
struct metrics_part {
	const char *value;
	struct number_field field;
};

struct metrics_row {
	const char *name;
	enum stats_metric_kind kind;
	const char *help;
	struct number_field field; // the one number of a subject

	// Where a subject has several numbers: the label that tells them apart (else NULL). They are
	// the elements of `field`, an array of uint64_t, for which `value_of` has a value of the
	// label, not NULL; or, without `value_of`, the parts up to one without a value.
	const char *label;
	const char *(*value_of)(int index);
	struct metrics_part parts[METRICS_PARTS_MOST];
};

struct stats_metric metrics_row_begin(struct stats_text *text, const struct metrics_row *row);

// All samples of one subject: `labels` say which it is, the row's fields are those of `numbers`.
void metrics_row_write(const struct stats_metric *metric, const struct metrics_row *row,
	const struct stats_label labels[], size_t label_count, const void *numbers);
