// SPDX-License-Identifier: BSD-3-Clause
// Numbers of the wire format that only this module's files need.
#pragma once

#include <stdint.h>

#include "dns/record.h"

// Names of records may take a step for each byte of all records, and this many more.
#define DNS_NAME_STEPS_LEAST 512

#define DNS_QUESTION_FIELD_BYTES 4 // type and class, behind the name
#define DNS_RECORD_FIELD_BYTES 10 // type, class, TTL and data length, behind the name
#define DNS_RECORD_BYTES_LEAST (1 + DNS_RECORD_FIELD_BYTES)

#define DNS_FLAGS_OPCODE_SHIFT 11
#define DNS_FLAGS_OPCODE_MASK 0x7800
#define DNS_FLAGS_RCODE_MASK 0x000f

// The OPT record (RFC 6891, section 6.1.2), from its root name on.
#define DNS_OPT_DATA_LENGTH_OFFSET 9
#define DNS_OPT_BYTES 11 // without options
#define DNS_OPT_DO 0x8000
