// SPDX-License-Identifier: BSD-3-Clause
#include "base/clock.h"
#include "config/forward_options.h"

static int forward_read_block(struct config_forward_options *options, struct config_lines *lines)
{
	struct config_line line;
	int err;

	do {
		err = config_lines_next(lines, &line);
		if (!err && line.count)
			err = config_read_forward_option(options, &line);
	} while (!err && line.count);
	return err;
}

int config_read_forward(struct config_reader *reader, struct config_lines *lines,
	const struct config_line *line, struct config_forward *forward)
{
	struct config_forward_options options = {
		.reader = reader, .forward = forward, .max_age_place = line->place};
	int err;

	*forward = (struct config_forward){
		.policy = CONFIG_POLICY_RANDOM,
		.expire = 10 * CLOCK_SECOND,
		.read_timeout = 2 * CLOCK_SECOND,
		.max_inflight = 64,
		.line = line->place.line,
	};
	err = config_add_names(reader, &line->words[1], &forward->from, &forward->from_count);
	for (size_t i = 2; !err && i < line->count; i++)
		err = config_add_upstreams(reader, &line->words[i], forward);
	if (!err && !forward->upstream_count)
		err = config_fail(reader->error, line->words[2].place,
			CONFIG_WORD " names no upstream", line->words[2].text);
	if (!err && line->opens_block)
		err = forward_read_block(&options, lines);
	if (!err)
		err = config_finish_forward_options(&options);
	return err;
}
