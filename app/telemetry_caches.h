// SPDX-License-Identifier: BSD-3-Clause
// The part of the telemetry socket that is about caches: /millrace/caches, cache_refused,
// cache_show, cache_flush, cache_dump, cache_load.
#pragma once

// 0 or -errno. The commands answer between telemetry_open and telemetry_close.
int telemetry_caches_register(void);
