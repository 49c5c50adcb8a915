// SPDX-License-Identifier: BSD-3-Clause
#include "answer.h"

#include <stdbool.h>
#include <string.h>

#define COLUMNS_MOST 64
#define NAME_WIDTH 20

static bool is_plain(const struct json_value *value)
{
	return value->kind != JSON_ARRAY && value->kind != JSON_OBJECT;
}

static const char *plain_text(const struct json_value *value)
{
	if (value->kind == JSON_TRUTH)
		return strcmp(value->text, "true") == 0 ? "yes" : "no";
	return value->text;
}

// The columns of a table are what its first row has in plain values.
struct columns {
	const char *names[COLUMNS_MOST];
	int widths[COLUMNS_MOST];
	size_t count;
};

static void find_columns(struct columns *columns, const struct json_value *rows)
{
	columns->count = 0;
	for (const struct json_value *value = rows->first; value; value = value->next) {
		if (!is_plain(value) || !value->key || columns->count == COLUMNS_MOST)
			continue;
		columns->names[columns->count] = value->key;
		columns->widths[columns->count++] = (int)strlen(value->key);
	}
	for (const struct json_value *row = rows; row; row = row->next) {
		for (size_t i = 0; i < columns->count; i++) {
			const struct json_value *value = json_find(row, columns->names[i]);
			int width = value && is_plain(value) ? (int)strlen(plain_text(value)) : 0;

			if (width > columns->widths[i])
				columns->widths[i] = width;
		}
	}
}

// Numbers stand at the right of their column, all else at the left.
static void print_cell(FILE *file, const struct json_value *value, int width, bool is_last)
{
	const char *text = value && is_plain(value) ? plain_text(value) : "";

	if (value && value->kind == JSON_NUMBER)
		fprintf(file, "%*s", width, text);
	else
		fprintf(file, "%-*s", is_last ? 0 : width, text);
	fputs(is_last ? "\n" : "  ", file);
}

static void print_table(FILE *file, const struct json_value *rows)
{
	struct columns columns;

	find_columns(&columns, rows);
	for (size_t i = 0; i < columns.count; i++) {
		const struct json_value *value = json_find(rows, columns.names[i]);
		bool is_number = value && value->kind == JSON_NUMBER;
		bool is_last = i + 1 == columns.count;

		fprintf(file, "%*s%s",
			is_number || !is_last ? (is_number ? 1 : -1) * columns.widths[i] : 0,
			columns.names[i], is_last ? "\n" : "  ");
	}
	for (const struct json_value *row = rows; row; row = row->next) {
		for (size_t i = 0; i < columns.count; i++)
			print_cell(file, json_find(row, columns.names[i]), columns.widths[i],
				i + 1 == columns.count);
	}
}

static void print_lines(FILE *file, const struct json_value *object, int indent)
{
	for (const struct json_value *value = object->first; value; value = value->next) {
		if (is_plain(value))
			fprintf(file, "%*s%-*s %s\n", indent, "", NAME_WIDTH - indent,
				value->key ? value->key : "", plain_text(value));
	}
}

static void print_nested(FILE *file, const struct json_value *object);

// A row with lists of its own is shown as a whole.
static bool has_nested(const struct json_value *row)
{
	for (const struct json_value *value = row->first; value; value = value->next) {
		if (!is_plain(value))
			return true;
	}
	return false;
}

static void print_list(FILE *file, const struct json_value *list)
{
	if (!list->first) {
		fprintf(file, "%s: none\n", list->key ? list->key : "");
		return;
	}
	if (!has_nested(list->first)) {
		print_table(file, list->first);
		return;
	}
	for (const struct json_value *row = list->first; row; row = row->next) {
		print_nested(file, row);
		if (row->next)
			fputc('\n', file);
	}
}

static void print_nested(FILE *file, const struct json_value *object)
{
	print_lines(file, object, 0);
	for (const struct json_value *value = object->first; value; value = value->next) {
		if (value->kind == JSON_OBJECT) {
			fprintf(file, "%s\n", value->key ? value->key : "");
			print_lines(file, value, 4);
		} else if (value->kind == JSON_ARRAY) {
			print_list(file, value);
		}
	}
}

void answer_print(FILE *file, const struct json_value *answer)
{
	print_nested(file, answer);
}
