// SPDX-License-Identifier: BSD-3-Clause
// Does a reply answer its question?
#include "cache/answer_fields.h"

#define CHAIN_CNAMES_MOST 16
// Names read for one reply: those of a long answer, some times over.
#define CHAIN_NAMES_MOST 4096

struct chain {
	const uint8_t *bytes;
	size_t length;
	const struct dns_message *reply;
	struct dns_name name; // that the answer is looked for at
	struct dns_name target; // of its CNAME
	bool has_target;
	bool is_broken;
	uint32_t names_left;
};

static bool chain_read_name(struct chain *chain, size_t offset, struct dns_name *name)
{
	struct byte_reader reader = byte_reader_make(chain->bytes, chain->length);

	if (!chain->names_left--) {
		chain->names_left = 0;
		chain->is_broken = true;
		return false;
	}
	byte_reader_seek(&reader, offset);
	return dns_name_read(&reader, name) == 0;
}

static bool chain_class_matches(const struct chain *chain, const struct dns_record *record)
{
	return record->class_ == chain->reply->question.class_;
}

static void chain_take_cname(struct chain *chain, const struct dns_record *record)
{
	struct dns_name target;

	if (!chain_read_name(chain, record->data_offset, &target))
		return;
	if (chain->has_target && !dns_name_equal(&target, &chain->target))
		chain->is_broken = true;
	chain->target = target;
	chain->has_target = true;
}

// Looks through the answers at the chain's name. True if one is what was asked for.
static bool chain_find(struct chain *chain)
{
	uint16_t type = chain->reply->question.type;
	struct dns_record_walk walk;
	struct dns_record record;
	struct dns_name owner;
	bool is_found = false;

	chain->has_target = false;
	dns_record_walk_start(&walk, chain->bytes, chain->length, chain->reply);
	while (!chain->is_broken && dns_record_walk_next(&walk, &record) &&
		record.section == DNS_SECTION_ANSWER) {
		if (record.type != DNS_TYPE_CNAME && record.type != type && type != DNS_TYPE_ANY)
			continue;
		if (!chain_class_matches(chain, &record) ||
			!chain_read_name(chain, record.offset, &owner) ||
			!dns_name_equal(&owner, &chain->name))
			continue;
		if (record.type == type || type == DNS_TYPE_ANY)
			is_found = true;
		if (record.type == DNS_TYPE_CNAME)
			chain_take_cname(chain, &record);
	}
	return is_found && !chain->is_broken;
}

// The usual answer, as servers compress it: owners point at the question's name, or at the target
// of the CNAME before, and what was asked for stands at the end, signed or not.
static bool chain_is_plain(const uint8_t *bytes, size_t length, const struct dns_message *reply)
{
	uint32_t owner = DNS_HEADER_BYTES;
	unsigned int cnames = 0;
	bool is_found = false;
	struct dns_record_walk walk;
	struct dns_record record;

	dns_record_walk_start(&walk, bytes, length, reply);
	for (unsigned int i = 0; i < reply->answer_count; i++) {
		if (!dns_record_walk_next(&walk, &record))
			return false;
		if (record.type == DNS_TYPE_RRSIG && reply->question.type != DNS_TYPE_RRSIG)
			continue;
		if (record.class_ != reply->question.class_ ||
			bytes_load_u16(bytes + record.offset) != (0xc000 | owner))
			return false;
		if (record.type == reply->question.type && record.type != DNS_TYPE_CNAME) {
			is_found = true;
		} else if (record.type == DNS_TYPE_CNAME && !is_found &&
			   cnames++ < CHAIN_CNAMES_MOST) {
			owner = record.data_offset;
		} else {
			return false;
		}
	}
	return is_found;
}

bool cache_answer_is_answered(const uint8_t *bytes, size_t length, const struct dns_message *reply)
{
	struct chain chain;

	if (chain_is_plain(bytes, length, reply))
		return true;
	chain = (struct chain){
		.bytes = bytes,
		.length = length,
		.reply = reply,
		.names_left = CHAIN_NAMES_MOST,
	};
	if (!chain_read_name(&chain, DNS_HEADER_BYTES, &chain.name))
		return false;
	for (unsigned int cnames = 0; cnames <= CHAIN_CNAMES_MOST; cnames++) {
		if (chain_find(&chain))
			return true;
		if (chain.is_broken || !chain.has_target)
			return false;
		chain.name = chain.target;
	}
	return false;
}
