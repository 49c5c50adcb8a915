// SPDX-License-Identifier: BSD-3-Clause
#include "stats/text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROOM_LEAST 4096

// Doubles until `more` bytes fit.
static bool make_room(struct stats_text *text, size_t more)
{
	size_t room = text->room ? text->room : ROOM_LEAST;
	char *bytes;

	if (text->is_short)
		return false;
	if (more <= text->room - text->length)
		return true;
	while (room <= STATS_TEXT_BYTES_MOST && room - text->length < more)
		room *= 2;
	bytes = room <= STATS_TEXT_BYTES_MOST ? realloc(text->bytes, room) : NULL;
	if (!bytes) {
		text->is_short = true;
		return false;
	}
	text->bytes = bytes;
	text->room = room;
	return true;
}

void stats_text_add(struct stats_text *text, const char *bytes, size_t length)
{
	if (!length || !make_room(text, length))
		return;
	memcpy(text->bytes + text->length, bytes, length);
	text->length += length;
}

void stats_text_add_string(struct stats_text *text, const char *string)
{
	stats_text_add(text, string, strlen(string));
}

void stats_text_print(struct stats_text *text, const char *format, ...)
{
	char line[1024];
	va_list arguments;
	int length;

	va_start(arguments, format);
	length = vsnprintf(line, sizeof(line), format, arguments);
	va_end(arguments);
	if (length < 0 || (size_t)length >= sizeof(line))
		text->is_short = true;
	else
		stats_text_add(text, line, (size_t)length);
}

void stats_text_fini(struct stats_text *text)
{
	free(text->bytes);
	*text = (struct stats_text){0};
}
