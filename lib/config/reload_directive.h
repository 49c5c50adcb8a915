// SPDX-License-Identifier: BSD-3-Clause
// `reload`: how the files of the configuration are followed. Management lcore only.
#pragma once

#include "config/reader.h"

// 0; -EINVAL or -ENOMEM with the error filled in.
int config_read_reload(
	struct config_reader *reader, const struct config_line *line, struct config_reload *reload);
