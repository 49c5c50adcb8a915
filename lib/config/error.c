// SPDX-License-Identifier: BSD-3-Clause
#include "config/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define ERROR_FILE_TEXT 200 // of a longer path the end is shown

static size_t error_write_place(struct config_error *error, struct config_place place)
{
	size_t length = strlen(place.file);
	const char *file =
		length > ERROR_FILE_TEXT ? place.file + length - ERROR_FILE_TEXT : place.file;
	const char *dots = length > ERROR_FILE_TEXT ? "..." : "";
	int written;

	if (place.line)
		written = snprintf(
			error->text, sizeof(error->text), "%s%s:%u: ", dots, file, place.line);
	else
		written = snprintf(error->text, sizeof(error->text), "%s%s: ", dots, file);
	return written > 0 ? (size_t)written : 0;
}

static void error_make_one_line(struct config_error *error)
{
	for (char *at = error->text; *at; at++) {
		if ((unsigned char)*at < ' ' || *at == 0x7f)
			*at = '?';
	}
}

int config_fail(struct config_error *error, struct config_place place, const char *format, ...)
{
	size_t length = error_write_place(error, place);
	va_list arguments;

	va_start(arguments, format);
	if (vsnprintf(error->text + length, sizeof(error->text) - length, format, arguments) < 0)
		error->text[length] = '\0';
	va_end(arguments);
	error_make_one_line(error);
	return -EINVAL;
}

int config_fail_memory(struct config_error *error, struct config_place place)
{
	(void)config_fail(error, place, "%s", strerror(ENOMEM));
	return -ENOMEM;
}
