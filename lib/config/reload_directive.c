// SPDX-License-Identifier: BSD-3-Clause
// `reload [INTERVAL [JITTER]]`, with the defaults and bounds of CoreDNS's plugin.
#include "config/reload_directive.h"

#define SECOND UINT64_C(1000000000)
#define INTERVAL (30 * SECOND)
#define INTERVAL_LEAST (2 * SECOND)
#define JITTER (15 * SECOND)
#define JITTER_LEAST SECOND

int config_read_reload(
	struct config_reader *reader, const struct config_line *line, struct config_reload *reload)
{
	uint64_t interval = INTERVAL;
	uint64_t jitter = JITTER;
	int err = 0;

	if (line->count > 1)
		err = config_read_duration(reader, line, 1, 0, &interval);
	if (!err && interval < INTERVAL_LEAST)
		err = config_fail_word(reader, line, 1, "must be 2s or more");
	if (!err && line->count > 2)
		err = config_read_duration(reader, line, 2, 0, &jitter);
	if (!err && jitter && jitter < JITTER_LEAST)
		err = config_fail_word(reader, line, 2, "must be 0s, or 1s or more");
	if (err)
		return err;
	*reload = (struct config_reload){
		.interval = interval,
		.jitter = jitter > interval / 2 ? interval / 2 : jitter,
	};
	return 0;
}
