// SPDX-License-Identifier: BSD-3-Clause
#include "toeplitz.h"

#include <rte_byteorder.h>
#include <rte_thash.h>

void toeplitz_init(struct toeplitz *toeplitz, const uint8_t key[OPTION_RSS_KEY_BYTES])
{
	for (uint32_t i = 0; i < TOEPLITZ_INPUT_BYTES; i++) {
		for (uint32_t value = 0; value < 256; value++) {
			// Words in host byte order, as rte_softrss takes them.
			uint32_t input[TOEPLITZ_INPUT_BYTES / 4] = {0};

			input[i / 4] = value << (24 - 8 * (i % 4));
			toeplitz->bytes[i][value] =
				rte_softrss(input, TOEPLITZ_INPUT_BYTES / 4, key);
		}
	}
}
