// SPDX-License-Identifier: BSD-3-Clause
#include <string.h>

#include "base/clock.h"
#include "config/forward_options.h"
#include "config/values.h"

#define WEIGHT "weight="

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

// "weight=N": of the upstreams from `first` on, which the word before it added.
static int forward_read_weight(
	struct config_forward_options *options, const struct config_token *word, size_t first)
{
	struct config_forward *forward = options->forward;
	struct config_error *error = options->reader->error;
	uint32_t weight;

	if (config_parse_number(word->text + strlen(WEIGHT), 1, UINT16_MAX, &weight) != 0)
		return config_fail(error, word->place, CONFIG_WORD " is not a weight from 1 to %d",
			word->text, UINT16_MAX);
	if (first == forward->upstream_count)
		return config_fail(
			error, word->place, CONFIG_WORD " follows no new upstream", word->text);
	for (size_t i = first; i < forward->upstream_count; i++)
		forward->upstreams[i].weight = (uint16_t)weight;
	if (!options->weight.text)
		options->weight = *word;
	return 0;
}

// What stands behind FROM: upstreams, each perhaps with its weight.
static int forward_read_upstreams(
	struct config_forward_options *options, const struct config_line *line)
{
	struct config_forward *forward = options->forward;
	size_t first = 0; // upstream of the last word, if it is to get a weight
	int err = 0;

	for (size_t i = 2; !err && i < line->count; i++) {
		const struct config_token *word = &line->words[i];

		if (strncmp(word->text, WEIGHT, strlen(WEIGHT)) == 0) {
			err = forward_read_weight(options, word, first);
			first = forward->upstream_count;
			continue;
		}
		first = forward->upstream_count;
		err = config_add_upstreams(options->reader, word, forward);
	}
	if (!err && !forward->upstream_count)
		err = config_fail(options->reader->error, line->words[2].place,
			CONFIG_WORD " names no upstream", line->words[2].text);
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
		.max_fails = 2,
		.health_check = {.pause = 500 * CLOCK_MILLISECOND, .name = {.length = 1}},
		.max_inflight = 64,
		.line = line->place.line,
	};
	err = config_add_names(reader, &line->words[1], &forward->from, &forward->from_count);
	if (!err)
		err = forward_read_upstreams(&options, line);
	if (!err && line->opens_block)
		err = forward_read_block(&options, lines);
	if (!err)
		err = config_finish_forward_options(&options);
	return err;
}
