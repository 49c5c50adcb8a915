// SPDX-License-Identifier: BSD-3-Clause
// One message at a time from a thread that may wait (one of telemetry's) to a loop that may not
// (the manager's), and its answer back. The loop never waits and takes no lock; who asks waits
// with a bound, and takes its question back when that is over.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"

struct mailbox;

// For messages of `message_bytes`. NULL with errno ENOMEM.
struct mailbox *mailbox_create(size_t message_bytes);

// When nobody new can come: whoever still waits gets -ESHUTDOWN, and is waited for.
void mailbox_destroy(struct mailbox *mailbox);

// Any thread: puts a copy of the message in. 0, or -EBUSY while another one is there. After 0,
// mailbox_wait() has to be called.
base_must_check int mailbox_post(struct mailbox *mailbox, const void *message);

// Waits at most `timeout` nanoseconds for the answer, which is written over `message`. What
// mailbox_answer() was given, or -ETIMEDOUT.
base_must_check int mailbox_wait(struct mailbox *mailbox, void *message, uint64_t timeout);

// The loop: a message to answer, which is its own until mailbox_answer(), or NULL. It is given out
// once.
void *mailbox_receive(struct mailbox *mailbox);
void mailbox_answer(struct mailbox *mailbox, int result);
