// SPDX-License-Identifier: BSD-3-Clause
// A scenario file as lines of words, and the reading of them. Everything wrong in a scenario, and
// every difference it finds, is printed as "FILE:LINE: what"; the first ends the run.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "net/address.h"

#define SCENARIO_WORDS_MOST 64
#define SCENARIO_RELOADS_MOST 16

struct scenario_line {
	unsigned int number;
	size_t count;
	char *words[SCENARIO_WORDS_MOST];
	bool is_quoted[SCENARIO_WORDS_MOST];
};

struct scenario {
	const char *file;
	char *text;
	char *config; // with an empty line for each before it, so that its errors name our lines
	char *reloads[SCENARIO_RELOADS_MOST]; // configurations that follow, likewise
	size_t reload_count;
	struct scenario_line
		*lines; // none is empty; "reload" has its configuration as a second word
	size_t line_count;
	unsigned int failed_line; // of the first difference; 0: none
};

// Reads the file. 0, or -1 with a line printed.
int scenario_read(struct scenario *scenario, const char *file);
void scenario_free(struct scenario *scenario);

// The words of one line that are not read yet. What is asked for and missing or wrong prints one
// line and sets `failed`; everything after it gives zero, so that a reader asks once.
struct scenario_words {
	struct scenario *scenario;
	const struct scenario_line *line;
	size_t at;
	bool failed;
};

// Prints "FILE:LINE: ..." and fails the words; for a second time nothing.
void scenario_fail(struct scenario_words *words, const char *format, ...) base_printf(2, 3);

bool scenario_has_more(const struct scenario_words *words);
bool scenario_next_is_quoted(const struct scenario_words *words);
// True, and the word is read, if it comes next.
bool scenario_accept(struct scenario_words *words, const char *word);
// Never NULL.
const char *scenario_word(struct scenario_words *words, const char *what);
uint32_t scenario_number(struct scenario_words *words, const char *what, uint32_t most);
uint64_t scenario_duration(struct scenario_words *words);
struct net_address scenario_address(struct scenario_words *words);
// An address, with ":port" or as "[v6]:port"; else the port is `port`.
struct net_endpoint scenario_endpoint(struct scenario_words *words, uint16_t port);
// Bytes in hexadecimal digits; returns how many.
size_t scenario_hex(struct scenario_words *words, uint8_t *bytes, size_t room);
// Fails when a word is left.
void scenario_end(struct scenario_words *words);
