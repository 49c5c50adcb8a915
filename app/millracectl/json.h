// SPDX-License-Identifier: BSD-3-Clause
// Reads a text of JSON (RFC 8259) as a whole, and refuses any that is not. What is shown of a text is
// kept to ASCII: other characters become '?'.
#pragma once

#include <stddef.h>

#define JSON_DEPTH_MOST 16

enum json_kind {
	JSON_NULL,
	JSON_TRUTH,
	JSON_NUMBER,
	JSON_STRING,
	JSON_ARRAY,
	JSON_OBJECT,
};

struct json_value {
	enum json_kind kind;
	char *key; // in an object, or NULL
	char *text; // of a string without its escapes; of a number, truth and null as it stands
	struct json_value *first; // of an array or object, or NULL
	struct json_value *next; // in the same one
};

// NULL when the text is none, or for want of memory. To be given back with json_free().
struct json_value *json_read(const char *text, size_t length);
void json_free(struct json_value *value);

// NULL when the object has none of that key.
const struct json_value *json_find(const struct json_value *object, const char *key);
