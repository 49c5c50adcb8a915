// SPDX-License-Identifier: BSD-3-Clause
// A unix socket at which one line is asked and one text answered, a connection each, served by a loop
// that does other things: clients are bounded in number, memory and time, and nobody is waited for.
// All of it is one thread's.
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/compiler.h"
#include "stats/text.h"

#define CONTROL_CLIENTS_MOST 16 // then who has asked nothing yet gives way
#define CONTROL_LINE_BYTES 2048 // of a question, with its end
#define CONTROL_TIME_MOST (UINT64_C(10) * 1000000000) // to ask in, and between reads of the answer
#define CONTROL_SOCKET_MODE 0660

struct control_handler {
	void *context;
	// A question without its line end: true with the answer, or false and it comes later.
	bool (*answer)(void *context, char *line, struct stats_text *answer);
	// Asked each turn for the answer that was to come later; of one question at a time. True: it
	// is there.
	bool (*resume)(void *context, struct stats_text *answer);
};

struct control_socket;

// At `path`, whose permissions are CONTROL_SOCKET_MODE; what is left there of a program that has ended
// gives way. NULL with errno; EADDRINUSE: somebody listens there.
struct control_socket *control_socket_open(const char *path, const struct control_handler *handler);
// Ends all connections, and removes the socket.
void control_socket_close(struct control_socket *socket);

// Readable when there is something to do.
int control_socket_fd(const struct control_socket *socket);

// Does what there is to do; when control_socket_fd() is readable, and every 100 ms or so.
void control_socket_turn(struct control_socket *socket, uint64_t now);
