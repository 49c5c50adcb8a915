// SPDX-License-Identifier: BSD-3-Clause
// The directives by which the program is watched. Management lcore only.
#pragma once

#include "config/reader.h"

// Adds what the line of `page` says, and its block. 0; -EINVAL or -ENOMEM with the error filled in.
int config_read_watch(struct config_reader *reader, struct config_lines *lines,
	const struct config_line *line, enum config_page page, struct config_watch *watch);
