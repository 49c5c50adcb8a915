// SPDX-License-Identifier: BSD-3-Clause
// One stream socket, client's or upstream's: non-blocking, watched edge-triggered for both ways from
// the start, so that nothing is ever changed in epoll. It has buffers only while something is under
// way: the start of a message whose rest has not come, and what the kernel would not take yet.
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "stream/buffer.h"
#include "stream/framing.h"
#include "stream/loop.h"
#include "tls/tls.h"

#define STREAM_CONNECTION_EVENTS (EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET)
#define STREAM_READ_MOST 16384u // bytes received at once
// Room that stream_connection_receive() needs.
#define STREAM_ROOM_LEAST (STREAM_FRAME_MOST + STREAM_READ_MOST)

// How output is cut into TLS records. There are servers (dnsdist 1.7) that overlook a second message
// in a record until more comes.
enum stream_records {
	STREAM_RECORDS_FULL, // as much as fits, which may be frames of something else
	STREAM_RECORDS_OF_ONE, // each message in one of its own
	STREAM_RECORDS_OF_SEVERAL, // all that wait, or as many as fit
};

struct stream_connection {
	struct stream_watch watch; // first, so that the one is the other
	struct stream_buffer input; // kept for the next receive
	struct stream_buffer output; // frames to send; with TLS, those not encrypted yet
	struct tls_session *tls; // NULL: plain TCP
	uint8_t records; // enum stream_records; may change at any time but from or to FULL
	bool was_joined; // the last record had more than one message
	bool may_read; // there may be something to receive
	bool may_end; // a FIN is behind what there is to receive
	bool has_ended; // the FIN came
	bool is_lost; // reset: nothing can be sent
	bool is_blocked; // the kernel takes no more output for now
};

// Begins with a connected or connecting, non-blocking socket, which is the connection's from now on,
// also after an error (-ENOMEM, -ENOSPC). `connection` is all zeros but for watch.ready, its context,
// records, and a session of TLS, which is the connection's, too.
base_must_check int stream_connection_open(
	struct stream_connection *connection, struct stream_loop *loop, int fd);

// Closes the socket and gives up everything; a TLS peer is told, if that can be sent at once. A second
// call does nothing.
void stream_connection_close(struct stream_connection *connection, struct stream_loop *loop,
	struct stream_memory *memory);

// Notes what epoll said. False: it was reset, or ended both ways.
bool stream_connection_note(struct stream_connection *connection, uint32_t events);

// What was kept, and then at most STREAM_READ_MOST bytes that came, at `room`; nothing is received
// while a whole message is kept. Returns how many bytes there are, whole messages or not, or
// -errno: it is lost, -ENOBUFS for want of memory, -EPROTO: TLS failed. TLS may make output.
ssize_t stream_connection_receive(struct stream_connection *connection,
	struct stream_memory *memory, uint8_t *room, uint64_t now);

// Keeps bytes for the next receive; nothing is kept now. 0 or -ENOBUFS.
base_must_check int stream_connection_keep(struct stream_connection *connection,
	struct stream_memory *memory, const uint8_t *bytes, size_t length);

// Puts a message (at most STREAM_MESSAGE_MOST bytes) behind the output. 0 or -ENOBUFS.
base_must_check int stream_connection_queue(struct stream_connection *connection,
	struct stream_memory *memory, const uint8_t *message, size_t length);

// Sends the output unless the kernel is known to take none, or a handshake is going on. Returns how
// many bytes it took (of ciphertext with TLS), or -errno: the connection is lost.
ssize_t stream_connection_send(struct stream_connection *connection, struct stream_memory *memory);

// How many bytes of output wait.
static inline size_t stream_connection_output(const struct stream_connection *connection)
{
	size_t encrypted = 0;

	if (connection->tls)
		(void)tls_session_output(connection->tls, &encrypted);
	return encrypted + stream_buffer_length(&connection->output);
}
