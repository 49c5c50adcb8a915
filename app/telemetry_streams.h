// SPDX-License-Identifier: BSD-3-Clause
// What telemetry says of TCP and TLS clients: /millrace/clients and stream_upstreams.
#pragma once

// 0 or -errno.
int telemetry_streams_register(void);
