// SPDX-License-Identifier: BSD-3-Clause
// What else runs on the machine. Where others use it too, the two threads that poll are
// undisturbed only at a real-time priority. The kernel lets them have it for most of a second, so
// it is asked for when all is set, and given back behind what is measured.
#pragma once

#include <stdint.h>
#include <sys/types.h>

// Waits on standard input for a line with the id of the forwarder's thread. 0, or -errno with one
// line said.
int machine_real_time_wait(pid_t *thread);

// The calling thread and `thread` go before all others, or back to where everyone is. 0, or
// -errno with one line said.
int machine_real_time_begin(pid_t thread);
int machine_real_time_end(pid_t thread);

// How long the hypervisor ran others in place of the CPUs of this machine, all of them together,
// since it started; 0 where that is not known.
uint64_t machine_stolen_milliseconds(void);
