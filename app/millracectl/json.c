// SPDX-License-Identifier: BSD-3-Clause
#include "json.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct reader {
	const char *at;
	const char *end;
	int depth;
};

static void skip_blanks(struct reader *reader)
{
	while (reader->at < reader->end && strchr(" \t\r\n", *reader->at) && *reader->at)
		reader->at++;
}

// Past the character, after blanks, if it is the next one.
static bool take(struct reader *reader, char character)
{
	skip_blanks(reader);
	if (reader->at == reader->end || *reader->at != character)
		return false;
	reader->at++;
	return true;
}

static bool read_hexadecimal(struct reader *reader, uint32_t *code)
{
	*code = 0;
	for (int i = 0; i < 4; i++) {
		static const char digits[] = "0123456789abcdefABCDEF";
		const char *digit = reader->at < reader->end && *reader->at
					    ? strchr(digits, *reader->at)
					    : NULL;

		if (!digit)
			return false;
		*code = *code << 4 |
			(uint32_t)(digit - digits < 16 ? digit - digits : digit - digits - 6);
		reader->at++;
	}
	return true;
}

// What stands behind a backslash, as one character.
static bool read_escape(struct reader *reader, char *character)
{
	static const char names[] = "\"\\/bfnrt";
	static const char meanings[] = "\"\\/\b\f\n\r\t";
	const char *name;
	uint32_t code;

	if (reader->at == reader->end)
		return false;
	if (*reader->at == 'u') {
		reader->at++;
		if (!read_hexadecimal(reader, &code))
			return false;
		*character = code >= ' ' && code < 0x7f ? (char)code : '?';
		return true;
	}
	name = *reader->at ? strchr(names, *reader->at) : NULL;
	if (!name)
		return false;
	reader->at++;
	*character = meanings[name - names];
	// Nothing that is shown may move a terminal's cursor.
	if ((unsigned char)*character < ' ')
		*character = '?';
	return true;
}

// A string with its quotes; NULL when it is none.
static char *read_string(struct reader *reader)
{
	char *text;
	size_t length = 0;
	bool is_good;

	if (!take(reader, '"'))
		return NULL;
	text = malloc((size_t)(reader->end - reader->at) + 1);
	is_good = text != NULL;
	while (is_good && reader->at < reader->end && *reader->at != '"') {
		char character = *reader->at++;

		// What stands there as it is may be no control character.
		is_good = (unsigned char)character >= ' ' &&
			  (character != '\\' || read_escape(reader, &character));
		text[length++] = (unsigned char)character < 0x7f ? character : '?';
	}
	if (!is_good || reader->at == reader->end) {
		free(text);
		return NULL;
	}
	reader->at++;
	text[length] = '\0';
	return text;
}

static struct json_value *read_value(struct reader *reader);

// The values of an array or object, up to its end.
static bool read_members(struct reader *reader, struct json_value *value, char end)
{
	struct json_value **last = &value->first;

	if (take(reader, end))
		return true;
	do {
		char *key = NULL;

		if (value->kind == JSON_OBJECT) {
			skip_blanks(reader);
			key = read_string(reader);
			if (!key || !take(reader, ':')) {
				free(key);
				return false;
			}
		}
		*last = read_value(reader);
		if (!*last) {
			free(key);
			return false;
		}
		(*last)->key = key;
		last = &(*last)->next;
	} while (take(reader, ','));
	return take(reader, end);
}

// A number, true, false or null.
static bool read_word(struct reader *reader, struct json_value *value)
{
	const char *begin = reader->at;
	size_t length;

	while (reader->at < reader->end && *reader->at &&
		strchr("+-.0123456789abcdefghijklmnopqrstuvwxyzE", *reader->at))
		reader->at++;
	length = (size_t)(reader->at - begin);
	value->text = strndup(begin, length);
	if (!value->text)
		return false;
	if (strcmp(value->text, "null") == 0)
		return true;
	value->kind = JSON_TRUTH;
	if (strcmp(value->text, "true") == 0 || strcmp(value->text, "false") == 0)
		return true;
	value->kind = JSON_NUMBER;
	return length && strspn(value->text, "+-.0123456789eE") == length;
}

static bool fill_value(struct reader *reader, struct json_value *value)
{
	if (reader->at < reader->end && *reader->at == '"') {
		value->kind = JSON_STRING;
		value->text = read_string(reader);
		return value->text != NULL;
	}
	if (take(reader, '{')) {
		value->kind = JSON_OBJECT;
		return read_members(reader, value, '}');
	}
	if (take(reader, '[')) {
		value->kind = JSON_ARRAY;
		return read_members(reader, value, ']');
	}
	return read_word(reader, value);
}

static struct json_value *read_value(struct reader *reader)
{
	struct json_value *value = calloc(1, sizeof(*value));

	skip_blanks(reader);
	if (value && ++reader->depth <= JSON_DEPTH_MOST && fill_value(reader, value)) {
		reader->depth--;
		return value;
	}
	json_free(value);
	return NULL;
}

struct json_value *json_read(const char *text, size_t length)
{
	struct reader reader = {.at = text, .end = text + length};
	struct json_value *value = read_value(&reader);

	skip_blanks(&reader);
	if (value && reader.at != reader.end) {
		json_free(value);
		return NULL;
	}
	return value;
}

void json_free(struct json_value *value)
{
	while (value) {
		struct json_value *next = value->next;

		json_free(value->first);
		free(value->key);
		free(value->text);
		free(value);
		value = next;
	}
}

const struct json_value *json_find(const struct json_value *object, const char *key)
{
	const struct json_value *value = object->first;

	while (value && (!value->key || strcmp(value->key, key) != 0))
		value = value->next;
	return value;
}
