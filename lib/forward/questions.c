// SPDX-License-Identifier: BSD-3-Clause
#include "forward/questions.h"

#include <errno.h>
#include <stdlib.h>

#include "base/atomic.h"
#include "forward/client.h"

#define BUCKETS_LEAST 16u

int forward_questions_init(struct forward_questions *questions, struct proxy_pending_table *pending)
{
	uint32_t buckets = BUCKETS_LEAST;

	while (buckets < pending->slot_count)
		buckets *= 2;
	*questions = (struct forward_questions){.mask = buckets - 1, .pending = pending};
	questions->heads = malloc(buckets * sizeof(*questions->heads));
	if (!questions->heads)
		return -ENOMEM;
	memset(questions->heads, 0xff, buckets * sizeof(*questions->heads));
	return 0;
}

void forward_questions_fini(struct forward_questions *questions)
{
	free(questions->heads);
	questions->heads = NULL;
}

static struct forward_client *client_at(const struct forward_questions *questions, uint32_t slot)
{
	return forward_client_at(questions->pending, slot);
}

static bool asks_the_same(const struct forward_questions *questions, uint32_t slot,
	const uint8_t *bytes, const struct dns_message *message)
{
	struct proxy_pending *pending = proxy_pending_at(questions->pending, slot);
	const struct forward_client *client = client_at(questions, slot);
	const uint8_t *asked = proxy_pending_message(questions->pending, pending);
	uint16_t name_length = message->question.name_length;

	return pending->question_end == message->question_end &&
	       client->do_bit == message->edns.do_bit &&
	       ((client->flags ^ message->flags) & DNS_FLAG_CD) == 0 &&
	       memcmp(asked + DNS_HEADER_BYTES + name_length,
		       bytes + DNS_HEADER_BYTES + name_length, 4) == 0 &&
	       dns_name_bytes_equal(
		       asked + DNS_HEADER_BYTES, bytes + DNS_HEADER_BYTES, name_length);
}

uint32_t forward_questions_find(const struct forward_questions *questions, uint64_t hash,
	uint16_t cache, const uint8_t *bytes, const struct dns_message *message)
{
	uint32_t slot = questions->heads[hash & questions->mask];

	while (slot != PROXY_PENDING_NONE) {
		const struct forward_client *client = client_at(questions, slot);

		if (client->hash == hash && client->cache == cache &&
			asks_the_same(questions, slot, bytes, message))
			return slot;
		slot = client->next_question;
	}
	return PROXY_PENDING_NONE;
}

void forward_questions_begin(struct forward_questions *questions, uint32_t slot)
{
	struct forward_client *client = client_at(questions, slot);
	uint32_t *head = &questions->heads[client->hash & questions->mask];

	client->first_waiter = PROXY_PENDING_NONE;
	client->waiter_count = 0;
	if (client->has_subnet)
		return;
	client->next_question = *head;
	*head = slot;
}

void forward_questions_end(struct forward_questions *questions, uint32_t slot)
{
	const struct forward_client *client = client_at(questions, slot);
	uint32_t *at = &questions->heads[client->hash & questions->mask];

	if (client->has_subnet)
		return;
	while (*at != slot)
		at = &client_at(questions, *at)->next_question;
	*at = client->next_question;
}

uint32_t forward_questions_wait(struct forward_questions *questions, uint32_t slot,
	const uint8_t *bytes, const struct dns_message *message, uint16_t length)
{
	struct forward_client *asking = client_at(questions, slot);
	struct forward_client *client;
	uint32_t waiter;

	if (asking->waiter_count == FORWARD_WAITERS_MOST)
		return PROXY_PENDING_NONE;
	waiter = proxy_pending_allocate(questions->pending, bytes, length);
	if (waiter == PROXY_PENDING_NONE)
		return PROXY_PENDING_NONE;
	proxy_pending_at(questions->pending, waiter)->question_end = message->question_end;
	client = client_at(questions, waiter);
	client->next_question = asking->first_waiter;
	asking->first_waiter = waiter;
	asking->waiter_count++;
	base_store(&questions->waiting, questions->waiting + 1);
	return waiter;
}

uint32_t forward_questions_take_waiter(struct forward_questions *questions, uint32_t slot)
{
	struct forward_client *asking = client_at(questions, slot);
	uint32_t waiter = asking->first_waiter;

	if (waiter == PROXY_PENDING_NONE)
		return PROXY_PENDING_NONE;
	asking->first_waiter = client_at(questions, waiter)->next_question;
	asking->waiter_count--;
	base_store(&questions->waiting, questions->waiting - 1);
	return waiter;
}
