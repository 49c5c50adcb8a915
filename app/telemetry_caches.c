// SPDX-License-Identifier: BSD-3-Clause
// What telemetry says and does about caches.
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "cache_control.h"
#include "dns/mnemonic.h"
#include "rcu/rcu.h"
#include "telemetry.h"

// Why replies were not kept, over all workers and caches.
static int answer_refused(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	(void)parameters;
	rte_tel_data_start_dict(data);
	for (int why = 0; why < CACHE_ANSWER_REFUSALS; why++) {
		uint64_t sum = 0;

		for (uint16_t i = 0; i < app->lcore_count; i++)
			sum += forward_lcore_refused(
				app->lcores[i], (enum cache_answer_refusal)why);
		rte_tel_data_add_dict_u64(
			data, cache_answer_refusal_name((enum cache_answer_refusal)why), sum);
	}
	return 0;
}

static void add_usage(struct rte_tel_data *data, const struct cache_store *store)
{
	struct cache_usage usage;

	cache_store_usage(store, &usage);
	rte_tel_data_add_dict_u64(data, "bytes", usage.bytes);
	rte_tel_data_add_dict_u64(data, "cells", usage.cells);
	rte_tel_data_add_dict_u64(data, "cells_waiting", usage.cells_waiting);
	rte_tel_data_add_dict_u64(data, "answers_success", usage.answers[CACHE_KIND_SUCCESS]);
	rte_tel_data_add_dict_u64(data, "answers_denial", usage.answers[CACHE_KIND_DENIAL]);
	rte_tel_data_add_dict_u64(data, "answers_servfail", usage.answers[CACHE_KIND_SERVFAIL]);
	rte_tel_data_add_dict_u64(data, "cells_success", usage.cells_used[CACHE_KIND_SUCCESS]);
	rte_tel_data_add_dict_u64(data, "cells_denial", usage.cells_used[CACHE_KIND_DENIAL]);
	rte_tel_data_add_dict_u64(data, "cells_servfail", usage.cells_used[CACHE_KIND_SERVFAIL]);
}

// One cache by its number, the first without a parameter.
static int answer_caches(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	const struct forward_caches *caches = rcu_pointer_read(app->shared.caches);
	struct cache_store *store;
	unsigned long number;

	if (!caches || telemetry_parse_number(parameters, caches->count, &number))
		return -EINVAL;
	store = caches->caches[number].store;
	rte_tel_data_start_dict(data);
	rte_tel_data_add_dict_u64(data, "caches", caches->count);
	add_usage(data, store);
	for (int counter = 0; counter < CACHE_COUNTERS; counter++) {
		uint64_t sum = 0;

		for (uint16_t i = 0; i < app->lcore_count; i++)
			sum += cache_counters_read(
				cache_lcore_counters(cache_store_lcore(store, i)),
				(enum cache_counter)counter);
		rte_tel_data_add_dict_u64(
			data, cache_counter_name((enum cache_counter)counter), sum);
	}
	return 0;
}

static const char *error_text(int error)
{
	switch (-error) {
	case EBUSY:
		return "another request is being served";
	case ETIMEDOUT:
		return "no answer in time";
	default:
		return strerror(-error);
	}
}

// Parses, and has the manager do it. NULL, or what went wrong.
static const char *ask(const struct app *app, struct cache_request *request,
	enum cache_request_verb verb, const char *parameters)
{
	const struct forward_caches *caches = rcu_pointer_read(app->shared.caches);
	const char *wrong =
		cache_request_parse(request, verb, parameters, caches ? caches->count : 0);
	int error;

	if (wrong)
		return wrong;
	error = cache_control_post(app->cache_control, request);
	if (error)
		return error_text(error);
	// The manager may be waiting for a grace period; nothing of `app` is used from here on.
	rcu_reader_offline();
	error = cache_control_wait(app->cache_control, request);
	rcu_reader_online();
	if (error)
		return error_text(error);
	return request->error[0] ? request->error : NULL;
}

// Keys "NUMBER/NAME", as of upstreams.
static void add_shown_number(
	struct rte_tel_data *data, uint32_t index, const char *name, int64_t value)
{
	char key[RTE_TEL_MAX_STRING_LEN];

	(void)snprintf(key, sizeof(key), "%u/%s", index, name);
	rte_tel_data_add_dict_int(data, key, (int)value);
}

static void add_shown_text(
	struct rte_tel_data *data, uint32_t index, const char *name, const char *value)
{
	char key[RTE_TEL_MAX_STRING_LEN];

	(void)snprintf(key, sizeof(key), "%u/%s", index, name);
	rte_tel_data_add_dict_string(data, key, value);
}

static void add_shown(struct rte_tel_data *data, uint32_t index, const struct cache_shown *shown)
{
	char type[DNS_MNEMONIC_TEXT];

	add_shown_number(data, index, "cache", shown->cache);
	add_shown_text(data, index, "type", dns_type_format(shown->type, type));
	add_shown_number(data, index, "class", shown->class_);
	add_shown_number(data, index, "do", !!(shown->flags & CACHE_KEY_DO));
	add_shown_number(data, index, "cd", !!(shown->flags & CACHE_KEY_CD));
	if (shown->subnet_family)
		add_shown_number(data, index, "subnet_prefix", shown->subnet_prefix);
	add_shown_text(data, index, "kind", cache_shown_kind(shown));
	add_shown_number(data, index, "rcode", shown->rcode);
	add_shown_number(data, index, "bytes", shown->value_length);
	add_shown_number(data, index, "age", shown->age);
	add_shown_text(data, index, "state", shown->ttl > 0 ? "fresh" : "stale");
	add_shown_number(data, index, "ttl", shown->ttl);
	add_shown_number(data, index, "stale_seconds", shown->stale);
}

static int answer_show(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	struct cache_request request;
	const char *wrong = ask(app, &request, CACHE_REQUEST_SHOW, parameters);

	rte_tel_data_start_dict(data);
	if (wrong)
		return rte_tel_data_add_dict_string(data, "error", wrong);
	rte_tel_data_add_dict_u64(data, "answers", request.count);
	rte_tel_data_add_dict_u64(data, "is_done", request.is_done);
	for (uint32_t i = 0; i < request.shown_count; i++)
		add_shown(data, i, &request.shown[i]);
	return 0;
}

// What changes something says how many answers that were.
static int answer_change(const struct app *app, enum cache_request_verb verb,
	const char *parameters, struct rte_tel_data *data, const char *counted)
{
	struct cache_request request;
	const char *wrong = ask(app, &request, verb, parameters);

	rte_tel_data_start_dict(data);
	if (wrong)
		return rte_tel_data_add_dict_string(data, "error", wrong);
	rte_tel_data_add_dict_u64(data, counted, request.count);
	rte_tel_data_add_dict_u64(data, "is_done", request.is_done);
	return 0;
}

static int answer_flush(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	return answer_change(app, CACHE_REQUEST_FLUSH, parameters, data, "removed");
}

static int answer_dump(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	return answer_change(app, CACHE_REQUEST_DUMP, parameters, data, "saved");
}

static int answer_load(const struct app *app, const char *parameters, struct rte_tel_data *data)
{
	return answer_change(app, CACHE_REQUEST_LOAD, parameters, data, "loaded");
}

const struct telemetry_command telemetry_cache_commands[] = {
	{"/millrace/caches", answer_caches,
		"What a cache holds and counts. Parameters: its number (0)"},
	{"/millrace/cache_refused", answer_refused,
		"Replies that no cache kept, by why. Takes no parameters"},
	{"/millrace/cache_show", answer_show,
		"Answers held under a name. Parameters: NAME [TYPE] [number of a cache]"},
	{"/millrace/cache_flush", answer_flush,
		"Removes answers. Parameters: all, name NAME or zone NAME [number of a cache]"},
	{"/millrace/cache_dump", answer_dump,
		"Saves a cache to a file. Parameters: FILE [number of a cache]"},
	{"/millrace/cache_load", answer_load,
		"Loads a cache from a file. Parameters: FILE [number of a cache]"},
	{NULL},
};
