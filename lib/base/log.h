// SPDX-License-Identifier: BSD-3-Clause
// One line to standard error, for people: start, stop, and what the management lcore sees.
// Never called by a worker lcore.
#pragma once

#include "base/compiler.h"

void log_info(const char *format, ...) base_printf(1, 2);
void log_warning(const char *format, ...) base_printf(1, 2);
void log_error(const char *format, ...) base_printf(1, 2);
