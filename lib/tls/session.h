// SPDX-License-Identifier: BSD-3-Clause
// What the files of tls/ know of each other's structs; nobody else includes it.
#pragma once

#include <openssl/ssl.h>

#include "tls/buffer.h"
#include "tls/ticket_keys.h"
#include "tls/tls.h"

#define TLS_RECORD_HEADER 5
#define TLS_RECORD_MOST (TLS_RECORD_HEADER + SSL3_RT_MAX_PLAIN_LENGTH + 2048) // RFC 5246, 6.2.3
#define TLS_IDENTITY_BYTES 32
#define TLS_INPUT_MOST (2 * TLS_RECORD_MOST)

struct tls_context {
	SSL_CTX *ssl;
	BIO_METHOD *memory; // how its sessions read and write
	struct tls_ticket_keys ticket_keys; // servers only
	uint8_t identity[TLS_IDENTITY_BYTES]; // a digest of its certificate and of its CAs
	uint32_t users; // whoever made it, until it is destroyed; its peers and sessions
};

struct tls_peer {
	struct tls_context *context;
	char *name; // NULL: the address counts
	struct net_address address;
	bool uses_http2;
	SSL_SESSION *ticket; // the newest; NULL: none
	uint32_t users; // whoever made it, until it is destroyed; its sessions
};

struct tls_session {
	SSL *ssl;
	struct tls_peer *peer; // NULL for servers
	struct tls_context *context;
	struct tls_buffer input; // ciphertext that OpenSSL did not see yet
	size_t input_whole; // bytes of it that are whole records
	struct tls_buffer output;
	uint64_t now; // of the call that is on its way
	unsigned long error; // OpenSSL's, of a session that failed
	enum tls_state state;
	bool is_shut_down; // our close_notify is out
	bool lacks_http2; // why it failed: its peer was to use it
};

// OpenSSL keeps a record's header in a buffer for the longest of records until the rest is there.
// So it is shown whole ones only, which this finds in the input, and who sends half of one costs no
// more than what was sent. What is no record is shown, too: OpenSSL refuses it.
void tls_session_find_records(struct tls_session *session);

// How a session's OpenSSL reads its input and writes its output. NULL: no memory.
BIO_METHOD *tls_session_bio_method(void);
