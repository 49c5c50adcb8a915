// SPDX-License-Identifier: BSD-3-Clause
#include "base/log.h"

#include <stdarg.h>
#include <stdio.h>

static void log_write(const char *level, const char *format, va_list arguments)
{
	char line[1024];

	// One write a line, so that lines of several threads never mix.
	vsnprintf(line, sizeof(line), format, arguments);
	fprintf(stderr, "millrace: %s%s\n", level, line);
}

void log_info(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_write("", format, arguments);
	va_end(arguments);
}

void log_warning(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_write("warning: ", format, arguments);
	va_end(arguments);
}

void log_error(const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	log_write("error: ", format, arguments);
	va_end(arguments);
}
