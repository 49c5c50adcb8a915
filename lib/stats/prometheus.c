// SPDX-License-Identifier: BSD-3-Clause
#include "stats/prometheus.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND UINT64_C(1000000000)
#define NUMBER_TEXT 32

struct stats_metric stats_metric_begin(
	struct stats_text *text, const char *name, enum stats_metric_kind kind, const char *help)
{
	static const char *const kinds[] = {
		[STATS_METRIC_COUNTER] = "counter",
		[STATS_METRIC_GAUGE] = "gauge",
		[STATS_METRIC_HISTOGRAM] = "histogram",
	};

	stats_text_print(text, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kinds[kind]);
	return (struct stats_metric){.text = text, .name = name};
}

// In a value, backslash, quote and line feed are written with a backslash.
static void add_value(struct stats_text *text, const char *value)
{
	for (;;) {
		size_t plain = strcspn(value, "\\\"\n");

		stats_text_add(text, value, plain);
		value += plain;
		if (!*value)
			return;
		stats_text_add(text, "\\", 1);
		stats_text_add(text, *value == '\n' ? "n" : value, 1);
		value++;
	}
}

static void add_label(struct stats_text *text, const struct stats_label *label, bool is_first)
{
	stats_text_add_string(text, is_first ? "{" : ",");
	stats_text_add_string(text, label->name);
	stats_text_add_string(text, "=\"");
	add_value(text, label->value);
	stats_text_add_string(text, "\"");
}

// The sample's name with `suffix`, its labels and one more if it is not NULL, and its value.
static void add_sample(const struct stats_metric *metric, const char *suffix,
	const struct stats_label labels[], size_t label_count, const struct stats_label *more,
	const char *value)
{
	struct stats_text *text = metric->text;

	stats_text_add_string(text, metric->name);
	stats_text_add_string(text, suffix);
	for (size_t i = 0; i < label_count; i++)
		add_label(text, &labels[i], i == 0);
	if (more)
		add_label(text, more, label_count == 0);
	if (label_count || more)
		stats_text_add(text, "}", 1);
	stats_text_add(text, " ", 1);
	stats_text_add_string(text, value);
	stats_text_add(text, "\n", 1);
}

static const char *format_number(uint64_t number, char text[NUMBER_TEXT])
{
	(void)snprintf(text, NUMBER_TEXT, "%" PRIu64, number);
	return text;
}

// Without zeros at the end.
static const char *format_seconds(uint64_t nanoseconds, char text[NUMBER_TEXT])
{
	int length = snprintf(text, NUMBER_TEXT, "%" PRIu64 ".%09" PRIu64, nanoseconds / SECOND,
		nanoseconds % SECOND);

	while (length > 0 && text[length - 1] == '0')
		text[--length] = '\0';
	if (length > 0 && text[length - 1] == '.')
		text[--length] = '\0';
	return text;
}

void stats_metric_number(const struct stats_metric *metric, const struct stats_label labels[],
	size_t label_count, uint64_t number)
{
	char text[NUMBER_TEXT];

	add_sample(metric, "", labels, label_count, NULL, format_number(number, text));
}

void stats_metric_duration(const struct stats_metric *metric, const struct stats_label labels[],
	size_t label_count, uint64_t nanoseconds)
{
	char text[NUMBER_TEXT];

	add_sample(metric, "", labels, label_count, NULL, format_seconds(nanoseconds, text));
}

void stats_metric_histogram(const struct stats_metric *metric, const struct stats_label labels[],
	size_t label_count, const struct stats_histogram *histogram)
{
	uint64_t count = 0;
	char text[NUMBER_TEXT];

	for (size_t i = 0; i <= histogram->bound_count; i++) {
		char bound[NUMBER_TEXT];
		bool has_bound = i < histogram->bound_count;
		const struct stats_label le = {
			"le", has_bound ? format_seconds(histogram->bounds[i], bound) : "+Inf"};

		count += histogram->counts[i];
		add_sample(metric, "_bucket", labels, label_count, &le, format_number(count, text));
	}
	add_sample(metric, "_sum", labels, label_count, NULL, format_seconds(histogram->sum, text));
	add_sample(metric, "_count", labels, label_count, NULL, format_number(count, text));
}
