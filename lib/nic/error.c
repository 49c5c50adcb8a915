// SPDX-License-Identifier: BSD-3-Clause
#include "nic/error.h"

#include <stdarg.h>
#include <stdio.h>

void nic_error_set(struct nic_error *error, const char *format, ...)
{
	va_list arguments;

	va_start(arguments, format);
	vsnprintf(error->text, sizeof(error->text), format, arguments);
	va_end(arguments);
}
