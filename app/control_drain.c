// SPDX-License-Identifier: BSD-3-Clause
#include "control.h"
#include "upstream_health.h"

struct drain_request {
	struct app *app;
	struct stats_json *json;
	uint64_t now;
	uint32_t found;
	uint32_t changed;
};

// What leaves has nothing more to be taken from it, and its number may be another's soon.
static bool begin_row(struct drain_request *request, uint16_t number)
{
	const struct proxy_upstream *upstream = &request->app->set->upstreams[number];
	char text[NET_ENDPOINT_TEXT];

	if (upstream->presence != PROXY_STAYS)
		return false;
	request->found++;
	stats_json_open_object(request->json, NULL);
	stats_json_number(request->json, "number", number);
	stats_json_string(request->json, "to", net_endpoint_format(&upstream->endpoint, text));
	stats_json_number(request->json, "forward", upstream->group);
	return true;
}

static void end_row(struct drain_request *request, const char *state, bool is_changed)
{
	request->changed += is_changed;
	stats_json_string(request->json, "state", state);
	stats_json_truth(request->json, "is_changed", is_changed);
	stats_json_close_object(request->json);
}

static void drain_one(void *context, uint16_t upstream)
{
	struct drain_request *request = context;

	if (begin_row(request, upstream))
		end_row(request, "drained", upstream_health_drain(request->app, upstream));
}

static void undrain_one(void *context, uint16_t upstream)
{
	struct drain_request *request = context;

	if (begin_row(request, upstream))
		end_row(request, "not drained",
			upstream_health_undrain(request->app, upstream, request->now));
}

static void change(struct drain_request *request, const char *words,
	void (*use)(void *context, uint16_t upstream))
{
	if (!*words) {
		stats_json_string(
			request->json, "error", "which upstream: its number, or ADDRESS[:PORT]");
		return;
	}
	stats_json_open_array(request->json, "upstreams");
	(void)control_for_upstreams(request->app, words, request, use);
	stats_json_close_array(request->json);
	stats_json_number(request->json, "changed", request->changed);
	if (!request->found)
		stats_json_string(request->json, "error", "no such upstream");
}

void control_drain(struct app *app, const char *words, uint64_t now, struct stats_json *json)
{
	struct drain_request request = {.app = app, .json = json, .now = now};

	change(&request, words, drain_one);
}

void control_undrain(struct app *app, const char *words, uint64_t now, struct stats_json *json)
{
	struct drain_request request = {.app = app, .json = json, .now = now};

	change(&request, words, undrain_one);
}
