// SPDX-License-Identifier: BSD-3-Clause
#include "metrics_row.h"

#include <assert.h>
#include <string.h>

#include "base/atomic.h"

struct stats_metric metrics_row_begin(struct stats_text *text, const struct metrics_row *row)
{
	return stats_metric_begin(text, row->name, row->kind, row->help);
}

static uint64_t read_field(const struct metrics_field *field, const void *numbers)
{
	const uint8_t *place = (const uint8_t *)numbers + field->offset;

	switch (field->size) {
	case sizeof(uint8_t):
		return base_load(place);
	case sizeof(uint16_t):
		return base_load((const uint16_t *)(const void *)place);
	case sizeof(uint32_t):
		return base_load((const uint32_t *)(const void *)place);
	default:
		assert(field->size == sizeof(uint64_t));
		return base_load((const uint64_t *)(const void *)place);
	}
}

static void write_array(const struct stats_metric *metric, const struct metrics_row *row,
	struct stats_label labels[], size_t label_count, const void *numbers)
{
	for (size_t i = 0; i < row->field.size / sizeof(uint64_t); i++) {
		const struct metrics_field element = {
			row->field.offset + i * sizeof(uint64_t), sizeof(uint64_t)};
		const char *value = row->value_of((int)i);

		if (!value)
			continue;
		labels[label_count] = (struct stats_label){row->label, value};
		stats_metric_number(metric, labels, label_count + 1, read_field(&element, numbers));
	}
}

static void write_parts(const struct stats_metric *metric, const struct metrics_row *row,
	struct stats_label labels[], size_t label_count, const void *numbers)
{
	for (size_t i = 0; i < METRICS_PARTS_MOST && row->parts[i].value; i++) {
		labels[label_count] = (struct stats_label){row->label, row->parts[i].value};
		stats_metric_number(
			metric, labels, label_count + 1, read_field(&row->parts[i].field, numbers));
	}
}

void metrics_row_write(const struct stats_metric *metric, const struct metrics_row *row,
	const struct stats_label labels[], size_t label_count, const void *numbers)
{
	struct stats_label with_one_more[METRICS_LABELS_MOST] = {0};

	assert(label_count < METRICS_LABELS_MOST);
	if (!row->label) {
		stats_metric_number(metric, labels, label_count, read_field(&row->field, numbers));
		return;
	}
	memcpy(with_one_more, labels, label_count * sizeof(*labels));
	if (row->value_of)
		write_array(metric, row, with_one_more, label_count, numbers);
	else
		write_parts(metric, row, with_one_more, label_count, numbers);
}
