// SPDX-License-Identifier: BSD-3-Clause
#include "metrics_row.h"

#include <assert.h>
#include <string.h>

struct stats_metric metrics_row_begin(struct stats_text *text, const struct metrics_row *row)
{
	return stats_metric_begin(text, row->name, row->kind, row->help);
}

static void write_array(const struct stats_metric *metric, const struct metrics_row *row,
	struct stats_label labels[], size_t label_count, const void *numbers)
{
	for (size_t i = 0; i < row->field.size / sizeof(uint64_t); i++) {
		const struct number_field element = {
			row->field.offset + i * sizeof(uint64_t), sizeof(uint64_t)};
		const char *value = row->value_of((int)i);

		if (!value)
			continue;
		labels[label_count] = (struct stats_label){row->label, value};
		stats_metric_number(
			metric, labels, label_count + 1, number_field_read(&element, numbers));
	}
}

static void write_parts(const struct stats_metric *metric, const struct metrics_row *row,
	struct stats_label labels[], size_t label_count, const void *numbers)
{
	for (size_t i = 0; i < METRICS_PARTS_MOST && row->parts[i].value; i++) {
		labels[label_count] = (struct stats_label){row->label, row->parts[i].value};
		stats_metric_number(metric, labels, label_count + 1,
			number_field_read(&row->parts[i].field, numbers));
	}
}

void metrics_row_write(const struct stats_metric *metric, const struct metrics_row *row,
	const struct stats_label labels[], size_t label_count, const void *numbers)
{
	struct stats_label with_one_more[METRICS_LABELS_MOST] = {0};

	assert(label_count < METRICS_LABELS_MOST);
	if (!row->label) {
		stats_metric_number(
			metric, labels, label_count, number_field_read(&row->field, numbers));
		return;
	}
	memcpy(with_one_more, labels, label_count * sizeof(*labels));
	if (row->value_of)
		write_array(metric, row, with_one_more, label_count, numbers);
	else
		write_parts(metric, row, with_one_more, label_count, numbers);
}
