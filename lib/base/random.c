// SPDX-License-Identifier: BSD-3-Clause
#include "base/random.h"

#include <errno.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#define RANDOM_BUFFER_BYTES 4096

struct random_stream {
	EVP_CIPHER_CTX *cipher;
	size_t used; // bytes of the buffer given out or kept back as the next key
	uint8_t buffer[RANDOM_BUFFER_BYTES];
};

static void random_stream_refill(struct random_stream *stream)
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
	struct random_stream *stream = calloc(1, sizeof(*stream));

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

// Where the next `length` bytes stand; the caller wipes them once it has read them.
static inline uint8_t *random_stream_take(struct random_stream *stream, size_t length)
{
	uint8_t *bytes;

	if (base_unlikely(stream->used + length > RANDOM_BUFFER_BYTES))
		random_stream_refill(stream);
	bytes = stream->buffer + stream->used;
	stream->used += length;
	return bytes;
}

uint32_t random_stream_u32(struct random_stream *stream)
{
	uint32_t value;
	uint8_t *bytes = random_stream_take(stream, sizeof(value));

	memcpy(&value, bytes, sizeof(value));
	memset(bytes, 0, sizeof(value));
	return value;
}

uint64_t random_stream_u64(struct random_stream *stream)
{
	uint64_t value;
	uint8_t *bytes = random_stream_take(stream, sizeof(value));

	memcpy(&value, bytes, sizeof(value));
	memset(bytes, 0, sizeof(value));
	return value;
}
