// SPDX-License-Identifier: BSD-3-Clause
// Names written into a message that is made anew, compressed against those that stand in it
// already. The table has a fixed size: what finds no place in it is not pointed at. Any lcore.
#pragma once

#include "dns/name.h"

#define DNS_NAME_TABLE_SLOTS 256

// Of names in the message, a slot for each suffix that begins with a label: about where its hash
// says, where it stands. All zero is an empty table.
struct dns_name_table {
	uint16_t offsets[DNS_NAME_TABLE_SLOTS]; // 0: free, for no name stands in the header
	uint16_t tags[DNS_NAME_TABLE_SLOTS]; // other bits of the hash
};

// Writes the name at the writer, which starts at the message's header, and notes its suffixes;
// compressed, a pointer stands for the longest suffix that the table knows. The case of all
// letters stays: suffixes are the same only when all bytes are. Does not fit: the writer fails.
void dns_name_write_compressed(
	struct byte_writer *writer, struct dns_name_table *table, const struct dns_name *name);
void dns_name_write_whole(
	struct byte_writer *writer, struct dns_name_table *table, const struct dns_name *name);
