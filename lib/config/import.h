// SPDX-License-Identifier: BSD-3-Clause
// `import FILE`, `import PATTERN` and `import SNIPPET`: what a line stands for is read in its
// place. Management lcore only.
#pragma once

#include "config/lines.h"

// Puts what the line names on top of the frames. A snippet comes before a file of its name; a
// pattern that matches no file stands for nothing.
int config_import(struct config_lines *lines, const struct config_line *line);

// Replaces the frame on top by the next file of its import.
int config_import_next_file(struct config_lines *lines);

// `path` as seen from the folder of `file`: in the arena, NULL with errno ENOMEM.
const char *config_path_beside(struct config_arena *arena, const char *file, const char *path);
