// SPDX-License-Identifier: BSD-3-Clause
#include "tls/ticket_keys.h"

#include <errno.h>
#include <openssl/core_names.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>
#include <openssl/params.h>
#include <openssl/rand.h>
#include <string.h>

#include "base/bytes.h"

#define IV_BYTES 16 // of the cipher, AES in CBC mode

int tls_ticket_keys_init(struct tls_ticket_keys *keys, const uint8_t secret[TLS_SECRET_BYTES])
{
	*keys = (struct tls_ticket_keys){0};
	memcpy(keys->secret, secret, TLS_SECRET_BYTES);
	keys->kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	keys->cipher = EVP_CIPHER_fetch(NULL, "AES-256-CBC", NULL);
	if (keys->kdf && keys->cipher)
		return 0;
	tls_ticket_keys_fini(keys);
	return -ENOMEM;
}

void tls_ticket_keys_fini(struct tls_ticket_keys *keys)
{
	EVP_KDF_free(keys->kdf);
	EVP_CIPHER_free(keys->cipher);
	OPENSSL_cleanse(keys, sizeof(*keys));
}

// HKDF (RFC 5869) of the secret, with the period's number in its info.
static bool derive(struct tls_ticket_keys *keys, uint64_t period, uint8_t *bytes, size_t length)
{
	static const char label[] = "millrace session tickets";
	uint8_t info[sizeof(label) + sizeof(period)];
	EVP_KDF_CTX *kdf = EVP_KDF_CTX_new(keys->kdf);
	bool is_derived;

	memcpy(info, label, sizeof(label));
	bytes_store_u32(info + sizeof(label), (uint32_t)(period >> 32));
	bytes_store_u32(info + sizeof(label) + 4, (uint32_t)period);
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_octet_string(
			OSSL_KDF_PARAM_KEY, keys->secret, sizeof(keys->secret)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_INFO, info, sizeof(info)),
		OSSL_PARAM_construct_end(),
	};
	is_derived = kdf && EVP_KDF_derive(kdf, bytes, length, params) == 1;
	EVP_KDF_CTX_free(kdf);
	return is_derived;
}

// The key of a period, or NULL when OpenSSL has no memory.
static struct tls_ticket_key *key_of(struct tls_ticket_keys *keys, uint64_t period)
{
	struct tls_ticket_key *key = &keys->made[period & 1];
	uint8_t bytes[sizeof(key->name) + sizeof(key->cipher_key) + sizeof(key->mac_key)];

	if (key->is_made && key->period == period)
		return key;
	key->is_made = derive(keys, period, bytes, sizeof(bytes));
	key->period = period;
	memcpy(key->name, bytes, sizeof(key->name));
	memcpy(key->cipher_key, bytes + sizeof(key->name), sizeof(key->cipher_key));
	memcpy(key->mac_key, bytes + sizeof(key->name) + sizeof(key->cipher_key),
		sizeof(key->mac_key));
	OPENSSL_cleanse(bytes, sizeof(bytes));
	return key->is_made ? key : NULL;
}

static bool set_mac_key(struct tls_ticket_key *key, EVP_MAC_CTX *mac)
{
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_octet_string(
			OSSL_MAC_PARAM_KEY, key->mac_key, sizeof(key->mac_key)),
		OSSL_PARAM_construct_utf8_string(OSSL_MAC_PARAM_DIGEST, (char *)"SHA256", 0),
		OSSL_PARAM_construct_end(),
	};

	return EVP_MAC_CTX_set_params(mac, params) == 1;
}

int tls_ticket_keys_seal(struct tls_ticket_keys *keys, uint64_t now,
	uint8_t name[TLS_TICKET_NAME_BYTES], uint8_t *iv, EVP_CIPHER_CTX *cipher, EVP_MAC_CTX *mac)
{
	struct tls_ticket_key *key = key_of(keys, now / TLS_TICKET_PERIOD);

	if (!key || RAND_bytes(iv, IV_BYTES) != 1 ||
		EVP_EncryptInit_ex2(cipher, keys->cipher, key->cipher_key, iv, NULL) != 1 ||
		!set_mac_key(key, mac))
		return -1;
	memcpy(name, key->name, sizeof(key->name));
	return 1;
}

int tls_ticket_keys_open(struct tls_ticket_keys *keys, uint64_t now,
	const uint8_t name[TLS_TICKET_NAME_BYTES], const uint8_t *iv, EVP_CIPHER_CTX *cipher,
	EVP_MAC_CTX *mac)
{
	uint64_t period = now / TLS_TICKET_PERIOD;

	for (uint64_t back = 0; back <= 1 && back <= period; back++) {
		struct tls_ticket_key *key = key_of(keys, period - back);

		if (!key)
			return -1;
		if (CRYPTO_memcmp(name, key->name, sizeof(key->name)) != 0)
			continue;
		if (EVP_DecryptInit_ex2(cipher, keys->cipher, key->cipher_key, iv, NULL) != 1 ||
			!set_mac_key(key, mac))
			return -1;
		return back == 0 ? 1 : 2;
	}
	return 0;
}
