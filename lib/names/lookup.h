// SPDX-License-Identifier: BSD-3-Clause
// One question for the addresses of a host name, by c-ares over sockets of its own. Nothing waits.
// Management lcore only.
#pragma once

#include <stdbool.h>

#include "config/config.h"
#include "names/record.h"

#define NAMES_LOOKUP_MOST (5 * CLOCK_SECOND) // whatever becomes of it

struct names_lookup;

// Sends it to the host's resolvers, or to where the system's configuration says: files, search domains
// and servers as they are now. NULL with errno: ENOMEM, or EIO where sockets or the system's
// configuration can not be had.
struct names_lookup *names_lookup_create(const struct config_host *host, uint64_t now);
void names_lookup_destroy(struct names_lookup *lookup);

// Takes what has come. True once it is over.
bool names_lookup_turn(struct names_lookup *lookup, uint64_t now);

// Once it is over: NAMES_VERSIONS answers, good until it is destroyed.
const struct names_answer *names_lookup_answers(const struct names_lookup *lookup);
