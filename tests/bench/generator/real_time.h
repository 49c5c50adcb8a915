// SPDX-License-Identifier: BSD-3-Clause
// On a machine that others use too, the two threads that poll are undisturbed only at a real-time
// priority. The kernel lets them have it for most of a second, so it is asked for when all is
// set, and given back behind what is measured.
#pragma once

#include <sys/types.h>

// Waits on standard input for a line with the id of the forwarder's thread. 0, or -errno with one
// line said.
int real_time_wait(pid_t *thread);

// The calling thread and `thread` go before all others, or back to where everyone is. 0, or
// -errno with one line said.
int real_time_begin(pid_t thread);
int real_time_end(pid_t thread);
