// SPDX-License-Identifier: BSD-3-Clause
// Resource records between text ("www.example.test 300 A 192.0.2.1") and wire format.
#pragma once

#include <stdio.h>

#include "base/bytes.h"
#include "scenario.h"

// 0, or -1 for a type that is unknown here.
int record_parse_type(const char *text, uint16_t *type);
// "A", or "TYPE65280".
const char *record_format_type(uint16_t type, char text[16]);

// Writes the record behind what there is, with no name compressed.
void record_write(struct scenario_words *words, const char *text, struct byte_writer *writer);

// Prints the record at the reader, whose start is the message's.
void record_print(struct byte_reader *reader, FILE *stream);
