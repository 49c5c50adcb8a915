// SPDX-License-Identifier: BSD-3-Clause
// Read-copy-update, and the only file that names the flavour: quiescent-state based (QSBR), in
// which readers pay nothing and say once a burst that they hold no pointer.
//
// A worker lcore registers when its loop starts, is quiescent after every burst, goes offline
// before anything that may sleep, and unregisters when its loop ends. What it keeps beyond a
// burst it keeps as a handle. Grace periods are waited for on the management lcore alone, which
// is not a registered reader while it waits. Nobody calls call_rcu: its thread would inherit
// the CPU mask of the lcore that called it.
#pragma once

#include <urcu-qsbr.h>

static inline void rcu_reader_register(void)
{
	rcu_register_thread();
}

static inline void rcu_reader_unregister(void)
{
	rcu_unregister_thread();
}

// After a burst: this lcore holds no pointer that it read under RCU.
static inline void rcu_reader_quiescent(void)
{
	rcu_quiescent_state();
}

static inline void rcu_reader_offline(void)
{
	rcu_thread_offline();
}

static inline void rcu_reader_online(void)
{
	rcu_thread_online();
}

// Management lcore only: returns when every reader has been quiescent or offline since the call.
static inline void rcu_wait_grace_period(void)
{
	synchronize_rcu();
}

// Reads a pointer published with rcu_pointer_publish; good until the reader is quiescent.
#define rcu_pointer_read(pointer) rcu_dereference(pointer)

// Publishes a pointer to memory that is complete. One writer, named at the pointer.
#define rcu_pointer_publish(pointer, value) rcu_assign_pointer(pointer, value)
