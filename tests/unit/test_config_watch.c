// SPDX-License-Identifier: BSD-3-Clause
#include "config_text.h"

#include "base/clock.h"
#include "base/compiler.h"

static const struct config_http_listener *listener_at(
	const struct config *config, size_t index, const char *expected)
{
	const struct config_watch *watch = config_watch(config);
	char text[NET_ENDPOINT_TEXT];

	CU_ASSERT_FATAL(index < watch->listener_count);
	CU_ASSERT_STRING_EQUAL(
		net_endpoint_format(&watch->listeners[index].endpoint, text), expected);
	return &watch->listeners[index];
}

static void without_directives_nothing_is_shown(void)
{
	struct config *config = config_accept(". {\n}\n");

	CU_ASSERT_EQUAL(config_watch(config)->listener_count, 0);
	CU_ASSERT_EQUAL(config_watch(config)->lameduck, 0);
	config_destroy(config);
}

static void defaults_are_those_of_coredns(void)
{
	struct config *config = config_accept(". {\nprometheus\nhealth\nready\n}\n");

	CU_ASSERT_EQUAL(config_watch(config)->listener_count, 3);
	CU_ASSERT_EQUAL(listener_at(config, 0, "127.0.0.1:9153")->pages, CONFIG_PAGE_METRICS);
	CU_ASSERT_EQUAL(listener_at(config, 1, "[::]:8080")->pages, CONFIG_PAGE_HEALTH);
	CU_ASSERT_EQUAL(listener_at(config, 2, "[::]:8181")->pages, CONFIG_PAGE_READY);
	CU_ASSERT_EQUAL(listener_at(config, 2, "[::]:8181")->line, 4);
	CU_ASSERT(!config_watch(config)->is_ready_asked_again);
	config_destroy(config);
}

static void addresses_have_many_forms(void)
{
	struct config *config = config_accept(
		". {\nprometheus 192.0.2.1:1\nhealth [2001:db8::1]:65535\nready localhost:3\n}\n"
		"a.test {\nprometheus :9153\nhealth 0.0.0.0:80\n}\n");

	CU_ASSERT_EQUAL(config_watch(config)->listener_count, 5);
	(void)listener_at(config, 0, "192.0.2.1:1");
	(void)listener_at(config, 1, "[2001:db8::1]:65535");
	(void)listener_at(config, 2, "127.0.0.1:3");
	(void)listener_at(config, 3, "[::]:9153");
	(void)listener_at(config, 4, "0.0.0.0:80");
	config_destroy(config);
}

static void blocks_share_an_address(void)
{
	struct config *config =
		config_accept(". {\nprometheus :80\nhealth :80 {\nlameduck 1s\n}\n}\n"
			      "a.test {\nprometheus :80\nready :80\n}\n");

	CU_ASSERT_EQUAL(config_watch(config)->listener_count, 1);
	CU_ASSERT_EQUAL(listener_at(config, 0, "[::]:80")->pages,
		CONFIG_PAGE_METRICS | CONFIG_PAGE_HEALTH | CONFIG_PAGE_READY);
	CU_ASSERT_EQUAL(listener_at(config, 0, "[::]:80")->line, 2);
	config_destroy(config);
}

static void options_are_read(void)
{
	struct config *config = config_accept(
		". {\nhealth {\nlameduck 1m30s\n}\nready :1 {\nmonitor continuously\n}\n}\n");

	CU_ASSERT_EQUAL(config_watch(config)->lameduck, 90 * CLOCK_SECOND);
	CU_ASSERT(config_watch(config)->is_ready_asked_again);
	config_destroy(config);
	config = config_accept(
		". {\nready {\nmonitor until-ready\n}\nhealth {\nlameduck 0s\n}\n}\n");
	CU_ASSERT(!config_watch(config)->is_ready_asked_again);
	config_destroy(config);
}

static void wrong_ones_are_refused(void)
{
	static const struct config_refusal refusals[] = {
		{". {\nprometheus 9153\n}\n", "Corefile:2: prometheus '9153' is not ADDRESS:PORT, "
					      ":PORT or localhost:PORT"},
		{". {\nprometheus 192.0.2.1\n}\n", "Corefile:2: prometheus '192.0.2.1' is not "
						   "ADDRESS:PORT, :PORT or localhost:PORT"},
		{". {\nhealth :0\n}\n",
			"Corefile:2: health ':0' is not ADDRESS:PORT, :PORT or localhost:PORT"},
		{". {\nhealth localhost\n}\n", "Corefile:2: health 'localhost' is not "
					       "ADDRESS:PORT, :PORT or localhost:PORT"},
		{". {\nready :65536\n}\n",
			"Corefile:2: ready ':65536' is not ADDRESS:PORT, :PORT or localhost:PORT"},
		{". {\nready host.example:1\n}\n", "Corefile:2: ready 'host.example:1' is not "
						   "ADDRESS:PORT, :PORT or localhost:PORT"},
		{". {\nready :1 :2\n}\n", "Corefile:2: too many arguments for 'ready': ':2'"},
		{". {\nready\nready :1\n}\n", "Corefile:3: a second 'ready' in one block"},
		{". {\nhealth {\nlameduck\n}\n}\n", "Corefile:3: 'lameduck' needs an argument"},
		{". {\nhealth {\nlameduck 5\n}\n}\n",
			"Corefile:3: lameduck '5' needs a unit, as in '30s'"},
		{". {\nhealth {\nlameduck -1s\n}\n}\n",
			"Corefile:3: lameduck '-1s' must not be negative"},
		{". {\nready {\nlameduck 1s\n}\n}\n",
			"Corefile:3: unknown option 'lameduck' of 'ready'"},
		{". {\nready {\nmonitor now\n}\n}\n",
			"Corefile:3: monitor 'now' is not until-ready or continuously"},
		{". {\nprometheus {\nruntime_metrics\n}\n}\n",
			"Corefile:3: unknown option 'runtime_metrics' of 'prometheus'"},
		{". {\nlameduck 5s\n}\n", "Corefile:2: unknown directive 'lameduck'"},
	};

	config_refuse_each(refusals, BASE_ARRAY_SIZE(refusals));
}

static const struct unit_case cases[] = {
	{"shows nothing unasked", without_directives_nothing_is_shown},
	{"has the defaults of CoreDNS", defaults_are_those_of_coredns},
	{"reads addresses in all forms", addresses_have_many_forms},
	{"lets blocks share an address", blocks_share_an_address},
	{"reads options", options_are_read},
	{"refuses what is wrong", wrong_ones_are_refused},
};

UNIT_MAIN("config: prometheus, health and ready", cases)
