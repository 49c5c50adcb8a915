// SPDX-License-Identifier: BSD-3-Clause
// The addresses of host names in TO: known before the first packet, and followed from then on. The
// management loop sleeps for a millisecond at most, and asks what has come each time.
#pragma once

#include "app.h"
#include "names/names.h"

#define HOST_NAMES_MOST                                                                            \
	(6 * CLOCK_SECOND) // until all were asked: a lookup and some time to wait for its turn

// Waits until the names of the configuration were all asked, and reads it once more with what is known
// of them then. 0, or -errno with why in one line.
base_must_check int host_names_open(struct app *app, struct config_error *why);
void host_names_close(struct app *app);

// Each turn of the loop.
void host_names_turn(struct app *app, uint64_t now);

#define HOST_NAMES_RESOLVERS_TEXT (CONFIG_RESOLVER_COUNT * NET_ENDPOINT_TEXT)

// Who is asked for it, with blanks between them: "system", or addresses and ports. Returns `text`.
const char *host_names_resolvers(
	const struct config_host *host, char text[HOST_NAMES_RESOLVERS_TEXT]);

// The same configuration with what is known of its names; each forward has an upstream. NULL with why in
// one line.
struct config *host_names_read(
	const struct app *app, const struct config *config, struct config_error *why);
