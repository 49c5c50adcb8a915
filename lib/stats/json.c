// SPDX-License-Identifier: BSD-3-Clause
#include "stats/json.h"

#include <inttypes.h>
#include <string.h>

static void add_quoted(struct stats_text *text, const char *string)
{
	stats_text_add(text, "\"", 1);
	for (; *string; string++) {
		unsigned char byte = (unsigned char)*string;

		if (byte == '"' || byte == '\\')
			stats_text_print(text, "\\%c", byte);
		else if (byte < ' ' || byte >= 0x7f)
			stats_text_print(text, "\\u%04x", byte);
		else
			stats_text_add(text, string, 1);
	}
	stats_text_add(text, "\"", 1);
}

static void begin_value(struct stats_json *json, const char *key)
{
	if (json->needs_comma)
		stats_text_add(json->text, ",", 1);
	json->needs_comma = true;
	if (!key)
		return;
	add_quoted(json->text, key);
	stats_text_add(json->text, ":", 1);
}

static void open_value(struct stats_json *json, const char *key, const char *bracket)
{
	begin_value(json, key);
	stats_text_add(json->text, bracket, 1);
	json->needs_comma = false;
}

static void close_value(struct stats_json *json, const char *bracket)
{
	stats_text_add(json->text, bracket, 1);
	json->needs_comma = true;
}

void stats_json_open_object(struct stats_json *json, const char *key)
{
	open_value(json, key, "{");
}

void stats_json_close_object(struct stats_json *json)
{
	close_value(json, "}");
}

void stats_json_open_array(struct stats_json *json, const char *key)
{
	open_value(json, key, "[");
}

void stats_json_close_array(struct stats_json *json)
{
	close_value(json, "]");
}

void stats_json_number(struct stats_json *json, const char *key, int64_t number)
{
	begin_value(json, key);
	stats_text_print(json->text, "%" PRId64, number);
}

void stats_json_fraction(struct stats_json *json, const char *key, uint64_t thousandths)
{
	begin_value(json, key);
	stats_text_print(
		json->text, "%" PRIu64 ".%03" PRIu64, thousandths / 1000, thousandths % 1000);
}

void stats_json_string(struct stats_json *json, const char *key, const char *string)
{
	begin_value(json, key);
	add_quoted(json->text, string);
}

void stats_json_truth(struct stats_json *json, const char *key, bool truth)
{
	begin_value(json, key);
	stats_text_add_string(json->text, truth ? "true" : "false");
}
