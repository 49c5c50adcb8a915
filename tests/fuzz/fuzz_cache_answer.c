// SPDX-License-Identifier: BSD-3-Clause
// For libFuzzer: any bytes as a reply that the cache may keep. The first four bytes vary the
// client; the rest is the message.
#include "answer_property.h"

#include "base/bytes.h"

#include <stdio.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *input, size_t size)
{
	struct answer_tally tally = {0};
	const char *wrong;
	uint8_t *bytes;

	if (size < 4)
		return 0;
	bytes = malloc(size - 4 ? size - 4 : 1);
	if (!bytes)
		abort();
	memcpy(bytes, input + 4, size - 4);
	wrong = answer_property(&tally, bytes, size - 4, bytes_load_u32(input));
	if (wrong) {
		fprintf(stderr, "%s\n", wrong);
		abort();
	}
	free(bytes);
	return 0;
}
