// SPDX-License-Identifier: BSD-3-Clause
// Pages over HTTP at addresses of the kernel's, served by a loop that does other things: nothing waits
// for a client, connections are bounded in number, memory and time. All of it is one thread's.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "config/config.h"
#include "stats/text.h"

#define HTTP_CONNECTIONS_MOST 64 // a listener
#define HTTP_CONNECTION_SECONDS 10 // without a byte, then it is closed

// Page number i has the bit 1 << i in config_http_listener.pages.
struct http_page {
	const char *path;
	const char *type; // Content-Type
	// Writes the page, and returns the status of HTTP.
	unsigned int (*write)(void *context, struct stats_text *text);
};

struct http;

// `pages` and `context` must live longer. NULL with errno.
struct http *http_create(const struct http_page pages[], size_t page_count, void *context);
void http_destroy(struct http *http);

// Listens at these endpoints from now on, and at no others; connections to those that stay are kept. 0,
// or -errno with *failed set to the listener that can not be opened and nothing changed.
base_must_check int http_listen(struct http *http, const struct config_http_listener listeners[],
	size_t count, size_t *failed);

// Readable when there is something to do.
int http_fd(const struct http *http);

// Does what there is to do; to be called when http_fd() is readable, and every 100 ms. True if there is
// more at once.
bool http_turn(struct http *http, uint64_t now);
