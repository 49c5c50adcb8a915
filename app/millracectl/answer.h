// SPDX-License-Identifier: BSD-3-Clause
// An answer as people read it: what stands alone as lines of a name and a value, a list as a table.
#pragma once

#include <stdio.h>

#include "json.h"

void answer_print(FILE *file, const struct json_value *answer);
