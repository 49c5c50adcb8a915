// SPDX-License-Identifier: BSD-3-Clause
#include "config/forward_options.h"

#include <errno.h>
#include <string.h>

#include "config/suggest.h"
#include "config/values.h"

#define RESOLVER_PORT 53

struct forward_option {
	const char *name;
	size_t least; // arguments
	size_t most;
	// NULL when the number of arguments is all there is to check.
	int (*read)(struct config_forward_options *options, const struct config_line *line);
};

static int option_fail(struct config_forward_options *options, const struct config_line *line,
	size_t index, const char *reason)
{
	return config_fail_word(options->reader, line, index, reason);
}

static int option_read_duration(struct config_forward_options *options,
	const struct config_line *line, uint64_t least, uint64_t *duration)
{
	return config_read_duration(options->reader, line, 1, least, duration);
}

static int option_read_number(
	struct config_forward_options *options, const struct config_line *line, uint32_t *number)
{
	return config_read_number(options->reader, line, 1, number);
}

static int option_read_except(
	struct config_forward_options *options, const struct config_line *line)
{
	struct config_forward *forward = options->forward;
	int err = 0;

	for (size_t i = 1; !err && i < line->count; i++)
		err = config_add_names(
			options->reader, &line->words[i], &forward->except, &forward->except_count);
	return err;
}

static int option_read_expire(
	struct config_forward_options *options, const struct config_line *line)
{
	return option_read_duration(options, line, 0, &options->forward->expire);
}

static int option_read_max_age(
	struct config_forward_options *options, const struct config_line *line)
{
	options->max_age_place = line->place;
	return option_read_duration(options, line, 0, &options->forward->max_age);
}

static int option_read_read_timeout(
	struct config_forward_options *options, const struct config_line *line)
{
	return option_read_duration(options, line, 1, &options->forward->read_timeout);
}

static int option_read_hedge(struct config_forward_options *options, const struct config_line *line)
{
	options->hedge_place = line->place;
	return option_read_duration(options, line, 1, &options->forward->hedge);
}

static int option_read_max_idle_conns(
	struct config_forward_options *options, const struct config_line *line)
{
	return option_read_number(options, line, &options->forward->max_idle_conns);
}

static int option_read_max_concurrent(
	struct config_forward_options *options, const struct config_line *line)
{
	return option_read_number(options, line, &options->forward->max_concurrent);
}

static int option_read_max_connect_attempts(
	struct config_forward_options *options, const struct config_line *line)
{
	options->has_attempts = true;
	return option_read_number(options, line, &options->forward->max_connect_attempts);
}

static int option_read_policy(
	struct config_forward_options *options, const struct config_line *line)
{
	static const char *const names[] = {
		[CONFIG_POLICY_RANDOM] = "random",
		[CONFIG_POLICY_ROUND_ROBIN] = "round_robin",
		[CONFIG_POLICY_SEQUENTIAL] = "sequential",
		[CONFIG_POLICY_LEAST_OUTSTANDING] = "least_outstanding",
		[CONFIG_POLICY_FASTEST] = "fastest",
		[CONFIG_POLICY_WEIGHTED] = "weighted",
		[CONFIG_POLICY_HASH] = "hash",
		[CONFIG_POLICY_ORDERED] = "ordered",
	};

	for (size_t i = 0; i < BASE_ARRAY_SIZE(names); i++) {
		if (strcmp(line->words[1].text, names[i]) == 0) {
			options->forward->policy = (enum config_policy)i;
			return 0;
		}
	}
	return option_fail(options, line, 1,
		"is not random, round_robin, sequential, least_outstanding, fastest, weighted, "
		"hash or ordered");
}

static int option_read_source_address(
	struct config_forward_options *options, const struct config_line *line)
{
	options->forward->has_source_address = true;
	return config_read_own_address(
		options->reader, line, &line->words[1], &options->forward->source_address);
}

static int option_read_force_tcp(
	struct config_forward_options *options, const struct config_line *line)
{
	(void)line;
	options->forward->force_tcp = true;
	return 0;
}

static int option_read_prefer_udp(
	struct config_forward_options *options, const struct config_line *line)
{
	(void)line;
	options->forward->prefer_udp = true;
	return 0;
}

static int option_read_max_inflight(
	struct config_forward_options *options, const struct config_line *line)
{
	uint32_t number;
	int err = option_read_number(options, line, &number);

	if (err)
		return err;
	if (number == 0 || number > UINT16_MAX)
		return option_fail(options, line, 1, "is not a number from 1 to 65535");
	options->forward->max_inflight = (uint16_t)number;
	return 0;
}

static int option_read_min_idle_conns(
	struct config_forward_options *options, const struct config_line *line)
{
	options->min_idle_conns_place = line->place;
	return option_read_number(options, line, &options->forward->min_idle_conns);
}

static int option_read_tls(struct config_forward_options *options, const struct config_line *line)
{
	return config_read_tls_files(options->reader, line, &options->forward->tls);
}

static int option_read_tls_servername(
	struct config_forward_options *options, const struct config_line *line)
{
	options->server_name_place = line->place;
	options->server_name =
		config_read_server_name(options->reader, line->place, line->words[1].text);
	return options->server_name ? 0 : -EINVAL;
}

static int option_read_max_fails(
	struct config_forward_options *options, const struct config_line *line)
{
	return option_read_number(options, line, &options->forward->max_fails);
}

static int option_read_health_name(struct config_forward_options *options,
	const struct config_line *line, size_t index, struct dns_name *name)
{
	struct dns_name *names = NULL;
	size_t count = 0;
	int err = config_add_names(options->reader, &line->words[index], &names, &count);

	if (err)
		return err;
	if (count != 1)
		return option_fail(options, line, index, "is more than one name");
	*name = names[0];
	return 0;
}

// health_check D [no_rec] [domain NAME]
static int option_read_health_check(
	struct config_forward_options *options, const struct config_line *line)
{
	struct config_health_check *check = &options->forward->health_check;
	int err;

	*check = (struct config_health_check){.name = {.length = 1}};
	err = option_read_duration(options, line, 0, &check->pause);
	for (size_t i = 2; !err && i < line->count; i++) {
		if (strcmp(line->words[i].text, "no_rec") == 0) {
			check->asks_without_rd = true;
			continue;
		}
		if (strcmp(line->words[i].text, "domain") != 0)
			return option_fail(options, line, i, "is not no_rec or domain");
		if (++i == line->count)
			return option_fail(options, line, i - 1, "needs a name");
		err = option_read_health_name(options, line, i, &check->name);
	}
	return err;
}

static int option_read_failfast(
	struct config_forward_options *options, const struct config_line *line)
{
	(void)line;
	options->forward->is_failfast = true;
	return 0;
}

// Adds the bit of each rcode of the line: those with names (RFC 6895, section 2.3), as they are
// written in files.
static int option_read_rcodes(
	struct config_forward_options *options, const struct config_line *line, uint32_t *rcodes)
{
	static const struct {
		const char *name;
		uint8_t rcode;
	} names[] = {{"NOERROR", 0}, {"FORMERR", 1}, {"SERVFAIL", 2}, {"NXDOMAIN", 3},
		{"NOTIMP", 4}, {"NOTIMPL", 4}, {"REFUSED", 5}, {"YXDOMAIN", 6}, {"YXRRSET", 7},
		{"NXRRSET", 8}, {"NOTAUTH", 9}, {"NOTZONE", 10}, {"BADSIG", 16}, {"BADVERS", 16},
		{"BADKEY", 17}, {"BADTIME", 18}, {"BADMODE", 19}, {"BADNAME", 20}, {"BADALG", 21},
		{"BADTRUNC", 22}, {"BADCOOKIE", 23}};

	for (size_t i = 1; i < line->count; i++) {
		size_t found = 0;

		while (found < BASE_ARRAY_SIZE(names) &&
			strcasecmp(line->words[i].text, names[found].name) != 0)
			found++;
		if (found == BASE_ARRAY_SIZE(names))
			return option_fail(options, line, i, "is not a response code");
		*rcodes |= UINT32_C(1) << names[found].rcode;
	}
	return 0;
}

static int option_read_failover(
	struct config_forward_options *options, const struct config_line *line)
{
	for (size_t i = 1; i < line->count; i++) {
		if (strcasecmp(line->words[i].text, "NOERROR") == 0)
			return option_fail(options, line, i, "is no failure");
	}
	return option_read_rcodes(options, line, &options->forward->failover_rcodes);
}

static int option_read_next(struct config_forward_options *options, const struct config_line *line)
{
	return option_read_rcodes(options, line, &options->forward->next_rcodes);
}

static int option_read_next_on_nodata(
	struct config_forward_options *options, const struct config_line *line)
{
	(void)line;
	options->forward->next_on_nodata = true;
	return 0;
}

static int option_read_resolver(
	struct config_forward_options *options, const struct config_line *line)
{
	struct net_endpoint *resolvers =
		config_arena_allocate(options->reader->arena, line->count * sizeof(*resolvers));

	if (!resolvers)
		return config_fail_memory(options->reader->error, line->place);
	for (size_t i = 1; i < line->count; i++) {
		struct net_endpoint *resolver = &resolvers[i - 1];
		int err = config_parse_endpoint(line->words[i].text, RESOLVER_PORT, resolver);

		if (err == -ERANGE)
			return option_fail(options, line, i, "has no port from 1 to 65535");
		if (err)
			return option_fail(options, line, i, "is not an IP address");
		if (net_address_is_unfit_as_source(&resolver->address) &&
			!config_address_is_loopback(&resolver->address))
			return option_fail(options, line, i, "is not the address of a server");
	}
	options->resolvers = resolvers;
	options->resolver_count = line->count - 1;
	return 0;
}

static int option_read_doh_method(
	struct config_forward_options *options, const struct config_line *line)
{
	const char *method = line->words[1].text;
	bool is_get = strcmp(method, "GET") == 0;

	if (!is_get && strcmp(method, "POST") != 0)
		return option_fail(options, line, 1, "is not GET or POST");
	options->forward->doh_method = is_get ? CONFIG_DOH_GET : CONFIG_DOH_POST;
	return 0;
}

static const struct forward_option forward_options[] = {
	{"except", 1, CONFIG_ANY_COUNT, option_read_except},
	{"expire", 1, 1, option_read_expire},
	{"max_age", 1, 1, option_read_max_age},
	{"max_idle_conns", 1, 1, option_read_max_idle_conns},
	{"read_timeout", 1, 1, option_read_read_timeout},
	{"hedge", 1, 1, option_read_hedge},
	{"max_connect_attempts", 1, 1, option_read_max_connect_attempts},
	{"policy", 1, 1, option_read_policy},
	{"max_concurrent", 1, 1, option_read_max_concurrent},
	{"source_address", 1, 1, option_read_source_address},
	{"force_tcp", 0, 0, option_read_force_tcp},
	{"prefer_udp", 0, 0, option_read_prefer_udp},
	{"max_inflight", 1, 1, option_read_max_inflight},
	{"min_idle_conns", 1, 1, option_read_min_idle_conns},
	{"tls", 0, 3, option_read_tls},
	{"tls_servername", 1, 1, option_read_tls_servername},
	{"failover", 1, CONFIG_ANY_COUNT, option_read_failover},
	{"next", 1, CONFIG_ANY_COUNT, option_read_next},
	{"next_on_nodata", 0, 0, option_read_next_on_nodata},
	{"max_fails", 1, 1, option_read_max_fails},
	{"health_check", 1, CONFIG_ANY_COUNT, option_read_health_check},
	{"failfast_all_unhealthy_upstreams", 0, 0, option_read_failfast},
	{"resolver", 1, CONFIG_RESOLVER_COUNT, option_read_resolver},
	{"doh_method", 1, 1, option_read_doh_method},
};

static int option_refuse_unknown(
	struct config_forward_options *options, const struct config_line *line)
{
	struct config_suggestion suggestion = {.word = line->words[0].text};
	struct config_error *error = options->reader->error;

	for (size_t i = 0; i < BASE_ARRAY_SIZE(forward_options); i++)
		config_suggest(&suggestion, forward_options[i].name);
	if (suggestion.best)
		return config_fail(error, line->place,
			"unknown option " CONFIG_WORD " of forward, did you mean '%s'?",
			suggestion.word, suggestion.best);
	return config_fail(
		error, line->place, "unknown option " CONFIG_WORD " of forward", suggestion.word);
}

int config_read_forward_option(
	struct config_forward_options *options, const struct config_line *line)
{
	const struct forward_option *option = NULL;
	int err;

	for (size_t i = 0; !option && i < BASE_ARRAY_SIZE(forward_options); i++) {
		if (strcmp(line->words[0].text, forward_options[i].name) == 0)
			option = &forward_options[i];
	}
	if (!option)
		return option_refuse_unknown(options, line);
	err = config_check_arity(options->reader, line,
		(struct config_arity){.least = option->least, .most = option->most});
	if (!err && option->read)
		err = option->read(options, line);
	return err;
}

static int options_check_lifetimes(struct config_forward_options *options)
{
	const struct config_forward *forward = options->forward;
	char max_age[CONFIG_DURATION_TEXT];
	char expire[CONFIG_DURATION_TEXT];

	if (forward->max_age == 0 || forward->max_age >= forward->expire)
		return 0;
	return config_fail(options->reader->error, options->max_age_place,
		"max_age (%s) must not be less than expire (%s)",
		config_format_duration(forward->max_age, max_age),
		config_format_duration(forward->expire, expire));
}

static int options_check_hedge(struct config_forward_options *options)
{
	const struct config_forward *forward = options->forward;
	char hedge[CONFIG_DURATION_TEXT];
	char read_timeout[CONFIG_DURATION_TEXT];

	if (forward->hedge < forward->read_timeout)
		return 0;
	return config_fail(options->reader->error, options->hedge_place,
		"hedge (%s) must be less than read_timeout (%s)",
		config_format_duration(forward->hedge, hedge),
		config_format_duration(forward->read_timeout, read_timeout));
}

static int options_set_server_name(struct config_forward_options *options)
{
	const struct config_forward *forward = options->forward;

	if (!options->server_name)
		return 0;
	for (size_t i = 0; i < forward->upstream_count; i++) {
		struct config_upstream *upstream = &forward->upstreams[i];

		if (upstream->server_name)
			return config_fail(options->reader->error, options->server_name_place,
				"tls_servername beside the %%" CONFIG_WORD " of an upstream",
				upstream->server_name);
		if (upstream->is_tls)
			upstream->server_name = options->server_name;
	}
	return 0;
}

int config_finish_forward_options(struct config_forward_options *options)
{
	struct config_forward *forward = options->forward;
	int err = options_set_server_name(options);

	if (!err)
		err = config_finish_hosts(
			options->reader, forward, options->resolvers, options->resolver_count);
	if (err)
		return err;
	if (!options->has_attempts)
		forward->max_connect_attempts = 2 * (uint32_t)forward->upstream_count;
	if (forward->max_idle_conns && forward->min_idle_conns > forward->max_idle_conns)
		return config_fail(options->reader->error, options->min_idle_conns_place,
			"min_idle_conns (%u) must not exceed max_idle_conns (%u)",
			forward->min_idle_conns, forward->max_idle_conns);
	// They would be closed as soon as they were opened.
	if (forward->min_idle_conns && !forward->expire)
		return config_fail(options->reader->error, options->min_idle_conns_place,
			"min_idle_conns (%u) needs an expire above 0s", forward->min_idle_conns);
	if (options->weight.text && forward->policy != CONFIG_POLICY_WEIGHTED)
		return config_fail(options->reader->error, options->weight.place,
			CONFIG_WORD " needs 'policy weighted'", options->weight.text);
	if (options_check_hedge(options))
		return -EINVAL;
	return options_check_lifetimes(options);
}
