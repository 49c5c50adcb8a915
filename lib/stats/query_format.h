// SPDX-License-Identifier: BSD-3-Clause
// Lines of `log`, as CoreDNS writes them: text in which {NAME} stands for something of the record. What is
// no known NAME stays as it is, but {/LABEL}, which is '-'. Management lcore.
#pragma once

#include "stats/query_record.h"
#include "stats/text.h"

// Adds a line without its end.
void query_format_write(
	struct stats_text *text, const char *format, const struct query_record *record);

// What `errors` says of a failure, up to its cause: "2 example.org. A: ".
void query_format_write_failure(struct stats_text *text, const struct query_record *record);
