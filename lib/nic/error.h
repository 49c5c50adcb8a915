// SPDX-License-Identifier: BSD-3-Clause
// Why a port can not be had, in one line for people.
#pragma once

#include "base/compiler.h"

#define NIC_ERROR_TEXT 512

struct nic_error {
	char text[NIC_ERROR_TEXT]; // no newline
};

void nic_error_set(struct nic_error *error, const char *format, ...) base_printf(2, 3);
