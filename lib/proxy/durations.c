// SPDX-License-Identifier: BSD-3-Clause
#include "proxy/durations.h"

const char *proxy_duration_rcode_name(enum proxy_duration_rcode rcode)
{
	static const char *const names[PROXY_DURATION_RCODES] = {
		[PROXY_DURATION_NOERROR] = "NOERROR",
		[PROXY_DURATION_NXDOMAIN] = "NXDOMAIN",
		[PROXY_DURATION_SERVFAIL] = "SERVFAIL",
		[PROXY_DURATION_REFUSED] = "REFUSED",
		[PROXY_DURATION_OTHER] = "other",
	};

	return names[rcode];
}
