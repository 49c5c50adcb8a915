// SPDX-License-Identifier: BSD-3-Clause
// TLS over memory: ciphertext in and out, plaintext in and out, no sockets (RFC 8446, RFC 5246,
// DNS over TLS: RFC 7858). TLS 1.2 and 1.3 only, with forward secrecy and AEAD; no renegotiation,
// compression or early data.
//
// A context belongs to one lcore, and with it all that is made of it: only one thread at a time may
// use them. Contexts of several lcores share nothing that is written. `now` is nanoseconds of the
// same clock for all of them; the validity of certificates is judged by the system's calendar.
//
// Who has a session does this with it: give tls_session_receive() what came, read plaintext until
// there is none, write, send what tls_session_output() shows, and look at its state.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/compiler.h"
#include "net/address.h"

#define TLS_ERROR_TEXT 256
#define TLS_SECRET_BYTES 32
#define TLS_WRITE_MOST 65537 // plaintext in one call: the longest DNS message and its length
// Output that waits: above this nothing is read or written until some is taken away. It is passed
// by one call's worth at most.
#define TLS_OUTPUT_MOST 65536
// A ticket can be used for one to two of these after it was given.
#define TLS_TICKET_PERIOD (UINT64_C(4) * 3600 * 1000000000)

struct tls_error {
	char text[TLS_ERROR_TEXT]; // one line that says what is wrong and why, no newline
};

// Paths of PEM files. The certificate may be followed by those of its issuers.
struct tls_files {
	const char *certificate; // a server's; a client's own or NULL
	const char *key; // of the certificate
	// Clients: the CAs that upstreams have to come from; NULL: the system's.
	// Servers: the CAs that clients have to come from; NULL: clients need no certificate.
	const char *ca;
};

enum tls_state {
	TLS_STATE_HANDSHAKING,
	TLS_STATE_ESTABLISHED,
	// The peer's close_notify came: nothing more can be read, answers can still be written.
	TLS_STATE_CLOSED,
	TLS_STATE_FAILED, // for good; an alert for the peer may be among the output
};

struct tls_context;
struct tls_peer;
struct tls_session;

// NULL with `error` filled in. Any thread, before the lcore has it.
struct tls_context *tls_context_create_client(
	const struct tls_files *files, struct tls_error *error);
// Tickets are sealed with keys that come from `ticket_secret` and the time alone, so that each opens
// in every context of the same secret and files. A new key each TLS_TICKET_PERIOD; the one before
// still opens.
struct tls_context *tls_context_create_server(const struct tls_files *files,
	const uint8_t ticket_secret[TLS_SECRET_BYTES], struct tls_error *error);
// Nothing is made of it any more; what was made of it is good until its own end.
void tls_context_destroy(struct tls_context *context);

// A server to reach: what its certificate has to be for, and the newest ticket that it gave.
// With a name: that is sent (SNI) and checked; without: the address is checked against the
// addresses in the certificate. The chain is checked always. NULL with errno: EINVAL (not a host
// name), ENOMEM.
struct tls_peer *tls_peer_create(
	struct tls_context *context, const char *name, const struct net_address *address);
// Before its first session: its sessions are for HTTP/2, which the server has to choose (ALPN "h2",
// RFC 9113, section 3.2), or they fail.
void tls_peer_use_http2(struct tls_peer *peer);
void tls_peer_destroy(struct tls_peer *peer); // its sessions are good until their own end

// Takes the ticket of another peer, which has none then, where that one is the same server, by name or
// address, asked with the same certificate and judged by the same CAs: what a ticket stands for.
void tls_peer_inherit(struct tls_peer *peer, struct tls_peer *from);

// NULL with errno ENOMEM. A client's first flight is among its output at once.
struct tls_session *tls_session_create_client(struct tls_peer *peer);
struct tls_session *tls_session_create_server(struct tls_context *context);
// Sends nothing: tls_session_shutdown() first, if the peer is to know.
void tls_session_destroy(struct tls_session *session);

// How much tls_session_receive() takes now: always more than one record when all plaintext was
// read and no output above TLS_OUTPUT_MOST waits.
size_t tls_session_input_room(const struct tls_session *session);

// Takes ciphertext and goes on with the handshake. Returns how much of it was taken, which is all
// that there is room for; everything and to no purpose in a failed or closed session.
size_t tls_session_receive(
	struct tls_session *session, const uint8_t *bytes, size_t length, uint64_t now);

// Plaintext, up to `room` bytes; 0: no more for now. May make output.
size_t tls_session_read(struct tls_session *session, uint8_t *bytes, size_t room, uint64_t now);

// Makes ciphertext of all of it (1 to TLS_WRITE_MOST bytes), in records of its own: one of up to 16,384
// bytes, which is how a caller decides what they hold. 0, or with nothing taken: -EAGAIN (still
// handshaking, or too much output waits), -EPIPE (failed, or after tls_session_shutdown()), -EMSGSIZE.
base_must_check int tls_session_write(
	struct tls_session *session, const uint8_t *bytes, size_t length);

// Ciphertext to send to the peer: NULL and 0 when there is none. Good until the next call with this
// session but the second of these, which takes away what was sent.
const uint8_t *tls_session_output(const struct tls_session *session, size_t *length);
void tls_session_output_sent(struct tls_session *session, size_t length);

// Adds a close_notify to the output; nothing can be written any more, but still be read. Does
// nothing in a session that is not established.
void tls_session_shutdown(struct tls_session *session);

enum tls_state tls_session_state(const struct tls_session *session);
// True once established without certificates, from a ticket.
bool tls_session_was_resumed(const struct tls_session *session);
// True once it failed for the peer's certificate: a bad one, or none where one is needed.
bool tls_session_refused_certificate(const struct tls_session *session);
// Why it failed, in one line; empty for a session that did not.
const char *tls_session_failure(const struct tls_session *session, char text[TLS_ERROR_TEXT]);
