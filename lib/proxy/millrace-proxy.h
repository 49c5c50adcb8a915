// SPDX-License-Identifier: BSD-3-Clause
// libmillrace-proxy: a DNS forwarder's upstreams, policies, connection pools and exchanges, for
// other programs. Who sends and receives, over sockets or otherwise, is the program; time, ports and
// random numbers are arguments. Start with proxy/single.h for one thread, and with proxy/exchange.h,
// proxy/stream_exchange.h and proxy/sweep.h for owners and a manager that keeps their pools.
#pragma once

#include "base/clock.h"
#include "dns/message.h"
#include "proxy/exchange.h"
#include "proxy/health.h"
#include "proxy/single.h"
#include "proxy/stream_exchange.h"
#include "proxy/sweep.h"
#include "rcu/rcu.h"
