// SPDX-License-Identifier: BSD-3-Clause
// `log`. Management lcore only.
#pragma once

#include "config/reader.h"

#define CONFIG_LOG_COUNT 4096 // in all

// The formats that CoreDNS has names for.
#define CONFIG_LOG_COMMON                                                                          \
	"{remote}:{port} - {>id} \"{type} {class} {name} {proto} {size} {>do} {>bufsize}\" "       \
	"{rcode} {>rflags} {rsize} {duration}"
#define CONFIG_LOG_COMBINED CONFIG_LOG_COMMON " \"{>opcode}\""

// Fills in `log`, but for its number, from a line and its block. 0; -EINVAL or -ENOMEM with the error
// filled in.
int config_read_log(struct config_reader *reader, struct config_lines *lines,
	const struct config_line *line, struct config_log *log);
