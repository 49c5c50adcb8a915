// SPDX-License-Identifier: BSD-3-Clause
// Certificates of the configuration: whether they are good, and the contexts that one stream lcore
// makes of them for its clients.
#pragma once

#include <stddef.h>

#include "config/config.h"
#include "tls/tls.h"

struct stream_tls_context {
	struct config_tls_files files; // copies of the names
	struct tls_context *context;
};

struct stream_tls {
	struct stream_tls_context *contexts; // one for each files of a server
	size_t count;
};

// Loads every file once, for servers and upstreams. 0, or -EINVAL with "PATH:LINE: what is wrong" in
// `error`.
int stream_tls_check(const struct config *config, const char *path, struct config_error *error);

// `secret` is that of the session tickets, the same for all stream lcores. 0, or -errno with `error`
// filled in. Any thread, before the lcore has it.
int stream_tls_open(struct stream_tls *tls, const struct config *config,
	const uint8_t secret[TLS_SECRET_BYTES], struct config_error *error);
// Sessions made of it go on.
void stream_tls_close(struct stream_tls *tls);

// By the names of the files. NULL where they are no server's.
struct tls_context *stream_tls_find(
	const struct stream_tls *tls, const struct config_tls_files *files);
// The context that stands in `tls` for what `context` stood for in `old`; NULL: there is none.
struct tls_context *stream_tls_find_next(const struct stream_tls *tls, const struct stream_tls *old,
	const struct tls_context *context);
