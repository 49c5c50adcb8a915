// SPDX-License-Identifier: BSD-3-Clause
// JSON (RFC 8259) on one line, as it is written: every value stands under its key in the innermost open
// object, or without one (NULL) in the innermost open array. What is no ASCII in a text is written as a
// Latin-1 letter, so that what comes out is good whatever went in.
#pragma once

#include <stdint.h>

#include "stats/text.h"

// All zero but for the text is a writer that has written nothing.
struct stats_json {
	struct stats_text *text;
	bool needs_comma;
};

void stats_json_open_object(struct stats_json *json, const char *key);
void stats_json_close_object(struct stats_json *json);
void stats_json_open_array(struct stats_json *json, const char *key);
void stats_json_close_array(struct stats_json *json);

void stats_json_number(struct stats_json *json, const char *key, int64_t number);
// `thousandths` of a number.
void stats_json_fraction(struct stats_json *json, const char *key, uint64_t thousandths);
void stats_json_string(struct stats_json *json, const char *key, const char *string);
void stats_json_truth(struct stats_json *json, const char *key, bool truth);
