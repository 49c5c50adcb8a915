// SPDX-License-Identifier: BSD-3-Clause
#include "base/random.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/table_memory.h"

void random_stream_refill(struct random_stream *stream)
{
	static const uint8_t counter_start[16];
	static const uint8_t zeros[RANDOM_BUFFER_BYTES];
	int written = 0;

	// Neither call allocates once the cipher is set up, nor has a way to fail with good
	// arguments; numbers that repeat would be worse than an end.
	if (EVP_EncryptInit_ex(stream->cipher, NULL, NULL, stream->buffer, counter_start) != 1 ||
		EVP_EncryptUpdate(stream->cipher, stream->buffer, &written, zeros, sizeof(zeros)) !=
			1)
		abort();
	stream->used = RANDOM_SEED_BYTES;
}

struct random_stream *random_stream_create(const uint8_t seed[RANDOM_SEED_BYTES])
{
	struct random_stream *stream = table_memory_allocate_zeroed(sizeof(*stream));

	if (!stream)
		return NULL;
	if (seed) {
		memcpy(stream->buffer, seed, RANDOM_SEED_BYTES);
	} else if (getrandom(stream->buffer, RANDOM_SEED_BYTES, 0) != RANDOM_SEED_BYTES) {
		goto out;
	}
	stream->cipher = EVP_CIPHER_CTX_new();
	if (!stream->cipher ||
		EVP_EncryptInit_ex(stream->cipher, EVP_aes_256_ctr(), NULL, NULL, NULL) != 1)
		goto out;
	random_stream_refill(stream);
	return stream;
out:
	random_stream_destroy(stream);
	errno = EIO;
	return NULL;
}

void random_stream_destroy(struct random_stream *stream)
{
	if (!stream)
		return;
	EVP_CIPHER_CTX_free(stream->cipher);
	OPENSSL_cleanse(stream, sizeof(*stream));
	free(stream);
}
