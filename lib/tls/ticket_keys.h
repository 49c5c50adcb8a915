// SPDX-License-Identifier: BSD-3-Clause
// The keys of session tickets (RFC 5077, section 4): each period has its own, made of the secret
// and the period's number, so that whoever has the secret finds the same ones.
#pragma once

#include <openssl/types.h>
#include <stdbool.h>
#include <stdint.h>

#include "tls/tls.h"

#define TLS_TICKET_NAME_BYTES 16

struct tls_ticket_key {
	uint64_t period;
	bool is_made;
	uint8_t name[TLS_TICKET_NAME_BYTES];
	uint8_t cipher_key[32];
	uint8_t mac_key[32];
};

struct tls_ticket_keys {
	uint8_t secret[TLS_SECRET_BYTES];
	EVP_KDF *kdf;
	EVP_CIPHER *cipher;
	struct tls_ticket_key made[2]; // of odd and of even periods
};

// 0 or -ENOMEM.
base_must_check int tls_ticket_keys_init(
	struct tls_ticket_keys *keys, const uint8_t secret[TLS_SECRET_BYTES]);
void tls_ticket_keys_fini(struct tls_ticket_keys *keys);

// Both set up what OpenSSL seals or opens a ticket with, and return what its callback
// (SSL_CTX_set_tlsext_ticket_key_evp_cb) has to: below 0 for an error, 0 for a ticket that no key
// opens, 1, or 2 for one that is to be given anew.
int tls_ticket_keys_seal(struct tls_ticket_keys *keys, uint64_t now,
	uint8_t name[TLS_TICKET_NAME_BYTES], uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac);
int tls_ticket_keys_open(struct tls_ticket_keys *keys, uint64_t now,
	const uint8_t name[TLS_TICKET_NAME_BYTES], const uint8_t *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac);
