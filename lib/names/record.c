// SPDX-License-Identifier: BSD-3-Clause
#include "names/record.h"

#include <errno.h>
#include <stdlib.h>

bool names_list_has(const struct names_list *list, const struct net_address *address)
{
	for (size_t i = 0; i < list->count; i++) {
		if (net_address_equal(&list->addresses[i], address))
			return true;
	}
	return false;
}

static int compare_addresses(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct net_address));
}

static void list_sort(struct names_list *list)
{
	size_t kept = 0;

	if (list->count)
		qsort(list->addresses, list->count, sizeof(*list->addresses), compare_addresses);
	for (size_t i = 0; i < list->count; i++) {
		if (!kept || !net_address_equal(&list->addresses[kept - 1], &list->addresses[i]))
			list->addresses[kept++] = list->addresses[i];
	}
	list->count = kept;
}

static void list_add_known(
	struct names_list *list, const struct names_list *known, enum names_version version)
{
	for (size_t i = 0; i < known->count; i++) {
		if (net_address_is_ipv4(&known->addresses[i]) == (version == NAMES_IPV4))
			list->addresses[list->count++] = known->addresses[i];
	}
}

// 0 or -ENOMEM.
static int list_make(struct names_list *list, const struct names_list *known,
	const struct names_answer answers[NAMES_VERSIONS])
{
	size_t most = known->count + 1;

	for (int i = 0; i < NAMES_VERSIONS; i++)
		most += answers[i].count;
	*list = (struct names_list){.addresses = calloc(most, sizeof(*list->addresses))};
	if (!list->addresses)
		return -ENOMEM;
	for (int i = 0; i < NAMES_VERSIONS; i++) {
		if (answers[i].outcome == NAMES_FAILED)
			list_add_known(list, known, (enum names_version)i);
		for (size_t j = 0; answers[i].outcome == NAMES_ANSWERED && j < answers[i].count;
			j++)
			list->addresses[list->count++] = answers[i].addresses[j];
	}
	list_sort(list);
	return 0;
}

// Why it is to be asked again soon; NULL: it is not.
static const char *find_fault(
	const struct names_answer answers[NAMES_VERSIONS], const struct names_list *list)
{
	for (int i = 0; i < NAMES_VERSIONS; i++) {
		if (answers[i].outcome == NAMES_FAILED)
			return answers[i].why;
	}
	return list->count ? NULL : answers[NAMES_IPV4].why;
}

static uint64_t shortest_ttl(const struct names_answer answers[NAMES_VERSIONS])
{
	uint32_t ttl = NAMES_TTL_MOST;

	for (int i = 0; i < NAMES_VERSIONS; i++) {
		if (answers[i].outcome == NAMES_ANSWERED && answers[i].ttl < ttl)
			ttl = answers[i].ttl;
	}
	return (ttl < NAMES_TTL_LEAST ? NAMES_TTL_LEAST : ttl) * CLOCK_SECOND;
}

static void record_schedule(
	struct names_record *record, const char *why, uint64_t ttl, uint64_t now)
{
	uint64_t retry = record->retry ? 2 * record->retry : NAMES_RETRY_LEAST;

	record->why = why;
	record->retry = retry < NAMES_RETRY_MOST ? retry : NAMES_RETRY_MOST;
	if (!why)
		record->retry = 0;
	record->due = now + (why && record->retry < ttl ? record->retry : ttl);
}

int names_record_take(struct names_record *record,
	const struct names_answer answers[NAMES_VERSIONS], uint64_t now, struct names_list *before)
{
	uint64_t ttl = shortest_ttl(answers);
	struct names_list list;
	int error = list_make(&list, &record->known, answers);

	if (error) {
		record_schedule(record, "out of memory", ttl, now);
		return error;
	}
	record_schedule(record, find_fault(answers, &list), ttl, now);
	if (!list.count || (list.count == record->known.count &&
				   memcmp(list.addresses, record->known.addresses,
					   list.count * sizeof(*list.addresses)) == 0)) {
		free(list.addresses);
		return 0;
	}
	*before = record->known;
	record->known = list;
	return 1;
}
