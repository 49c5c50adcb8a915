// SPDX-License-Identifier: BSD-3-Clause
// What the tests of tls/ share: certificates in files, made at first use and removed at the end,
// and two ends that talk through memory.
#pragma once

#include <openssl/ssl.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tls/tls.h"

#define TLS_LAB_NAME "dns.example.test"
#define TLS_LAB_ADDRESS "192.0.2.53"
#define TLS_LAB_ADDRESS6 "2001:db8::53"
#define TLS_LAB_NOW (UINT64_C(1000) * TLS_TICKET_PERIOD)

enum tls_lab_identity {
	TLS_LAB_CA,
	TLS_LAB_OTHER_CA,
	TLS_LAB_SERVER, // for TLS_LAB_NAME and the addresses
	TLS_LAB_OTHER_SERVER, // for another name
	TLS_LAB_EXPIRED,
	TLS_LAB_NOT_YET,
	TLS_LAB_SELF_SIGNED,
	TLS_LAB_UNKNOWN_CA, // the server's name, from the other CA
	TLS_LAB_CLIENT,
	TLS_LAB_OTHER_CLIENT, // from the other CA
	TLS_LAB_IDENTITIES,
};

const char *tls_lab_certificate(enum tls_lab_identity identity);
const char *tls_lab_key(enum tls_lab_identity identity);

// With a secret of bytes `secret`, and asking for client certificates unless `ca` is
// TLS_LAB_IDENTITIES. Both stop the test when they fail.
struct tls_context *tls_lab_server_context(
	enum tls_lab_identity identity, uint8_t secret, enum tls_lab_identity ca);
// With a certificate of its own unless `identity` is TLS_LAB_IDENTITIES.
struct tls_context *tls_lab_client_context(
	enum tls_lab_identity identity, enum tls_lab_identity ca);

// One end: a session of tls/, or OpenSSL on its own for what tls/ does not do itself.
struct tls_lab_end {
	struct tls_session *session;
	SSL *raw;
	uint8_t *received; // plaintext
	size_t length;
};

void tls_lab_end_init(struct tls_lab_end *end, struct tls_session *session, SSL *raw);
void tls_lab_end_fini(struct tls_lab_end *end);

// An end of OpenSSL on its own; a client checks nothing.
SSL_CTX *tls_lab_raw_client_context(int least_version, int most_version);
SSL_CTX *tls_lab_raw_server_context(int least_version, int most_version);
SSL *tls_lab_raw(SSL_CTX *context, bool is_server);

// Ciphertext that an end has to send, taken away. `length` in: room, out: bytes.
void tls_lab_take(struct tls_lab_end *from, uint8_t *bytes, size_t *length);
// Gives it to an end, which reads all it can.
void tls_lab_give(struct tls_lab_end *to, const uint8_t *bytes, size_t length, uint64_t now);
// Back and forth, `piece` bytes at a time, until neither has more to say.
void tls_lab_talk(struct tls_lab_end *a, struct tls_lab_end *b, size_t piece, uint64_t now);
