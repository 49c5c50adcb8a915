// SPDX-License-Identifier: BSD-3-Clause
// The configuration language: from a file to checked values. Management lcore only, before the
// first packet (and, at a reload, beside the running workers). What comes out is plain data that
// nobody changes; names are in wire format and lower case, durations in nanoseconds.
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "dns/name.h"
#include "net/address.h"

#define CONFIG_ERROR_TEXT 512

struct config_error {
	char text[CONFIG_ERROR_TEXT]; // "FILE:LINE: what is wrong, with the token", no newline
};

enum config_policy {
	CONFIG_POLICY_RANDOM,
	CONFIG_POLICY_ROUND_ROBIN,
	CONFIG_POLICY_SEQUENTIAL,
	CONFIG_POLICY_LEAST_OUTSTANDING,
	CONFIG_POLICY_FASTEST,
	CONFIG_POLICY_WEIGHTED,
	CONFIG_POLICY_HASH,
	CONFIG_POLICY_ORDERED,
};

// How DNS over HTTPS asks (RFC 8484, section 4.1).
enum config_doh_method {
	CONFIG_DOH_POST,
	CONFIG_DOH_GET,
};

// Files in PEM, which could be read when the configuration was; nothing was looked at in them.
struct config_tls_files {
	const char *certificate; // NULL: none, and no key
	const char *key;
	const char *ca; // whom to trust; NULL: the system's, or for a server that it asks nobody
};

#define CONFIG_HOST_NAME_TEXT 256 // bytes that hold any, with the zero
#define CONFIG_RESOLVER_COUNT 8 // of one forward

// A host name in TO, and who is asked for its addresses.
struct config_host {
	const char *name; // in lower case; with a dot at its end, if it was written with one
	const struct net_endpoint *resolvers; // none: as the system is configured
	size_t resolver_count;
	const char *file; // where it stands
	unsigned int line;
};

// Whether it is the same name, asked for in the same place.
bool config_host_equal(const struct config_host *a, const struct config_host *b);

// What is known of a host.
struct config_host_addresses {
	struct config_host host;
	const struct net_address *addresses;
	size_t address_count;
};

struct config_known_hosts {
	const struct config_host_addresses *list;
	size_t count;
};

// One server to forward to.
struct config_upstream {
	struct net_endpoint endpoint; // port 53 by default, 853 of tls://, 443 of https://
	bool is_tls; // of https://, too
	bool is_https;
	// In its certificate and sent to it (SNI), in lower case and without a dot at its end. NULL:
	// its certificate has to be for the address.
	const char *server_name;
	uint16_t weight; // share of queries with CONFIG_POLICY_WEIGHTED, 1 by default, above 0
	const struct config_host *host; // whose address it is; NULL: the address is written
};

// Of `health_check`: what is asked of an upstream that fails, and the pause between two questions.
struct config_health_check {
	uint64_t pause; // 500 ms by default
	bool asks_without_rd;
	struct dns_name name; // whose NS records; the root by default
};

// One `forward FROM TO... { }` of a server block.
struct config_forward {
	struct dns_name *from; // one, or the reverse zones that a CIDR prefix stands for
	size_t from_count;
	struct dns_name *except;
	size_t except_count;
	// Duplicates dropped, order kept; in place of a host name all of its addresses that are known.
	// 1 or more, where there is no host name.
	struct config_upstream *upstreams;
	size_t upstream_count;
	struct config_host **hosts; // names in TO
	size_t host_count;
	enum config_policy policy;
	uint64_t expire; // 10 s by default; 0: no reuse
	uint64_t max_age; // 0: no limit
	uint64_t read_timeout; // 2 s by default, above 0
	uint64_t hedge; // below read_timeout; 0: no second upstream is asked while one is silent
	uint32_t max_idle_conns; // 0: no limit
	uint32_t max_concurrent; // 0: no limit
	// Failed attempts for one query: twice the upstreams by default; 0: only the deadline.
	uint32_t max_connect_attempts;
	// Down after more failed checks in a row, 2 by default; 0: never down and never checked.
	uint32_t max_fails;
	struct config_health_check health_check;
	bool is_failfast; // no upstream is tried when all are down
	// Over TCP whatever the client used, even with prefer_udp; over UDP whatever the client used.
	bool force_tcp;
	bool prefer_udp;
	// Of TCP and TLS: queries on one connection, 64 by default, above 0; and how many are kept
	// open for an upstream though nobody uses them, not above a max_idle_conns that is not 0.
	uint16_t max_inflight;
	uint32_t min_idle_conns;
	struct config_tls_files tls; // for upstreams of tls:// and https://
	enum config_doh_method doh_method; // for upstreams of https://
	bool has_source_address;
	struct net_address source_address;
	// Bit n: replies with rcode n, after which the next upstream is asked, or the next forward.
	uint32_t failover_rcodes;
	uint32_t next_rcodes;
	bool next_on_nodata;
	size_t block; // the first of its servers: the forwards of one block stand side by side
	unsigned int line; // of the directive in its file
};

// When a stale answer is refreshed: behind the answer, or before it as long as a client waits.
enum config_stale_mode {
	CONFIG_STALE_IMMEDIATE,
	CONFIG_STALE_VERIFY,
};

// What `cache` says of answers with data, and of those that deny it. Times to live in seconds.
struct config_cache_part {
	uint32_t capacity; // answers; 0: as many as the cache's bytes hold
	uint32_t ttl_most; // where both collide, this counts
	uint32_t ttl_least;
	struct dns_name *disabled; // no answers at or below these are kept
	size_t disabled_count;
};

// One `cache [TTL] [ZONES...] { }` of a server block.
struct config_cache {
	struct dns_name *zones; // kept is what is asked at or below these; none: the block's
	size_t zone_count;
	struct config_cache_part success; // 3600 s at most, 5 s at least by default
	struct config_cache_part denial; // 1800 s, 5 s
	uint64_t size; // bytes, all told; 256 MiB by default
	uint32_t servfail_ttl; // seconds, 300 at most; 5 by default; 0: none is kept
	bool keeps_ttl; // answers show the TTL with which they came
	// Refresh before the end, once this often asked without a pause of `prefetch_pause`...
	uint32_t prefetch_amount; // 0: never
	uint64_t prefetch_pause; // 1 m by default
	uint8_t prefetch_percentage; // ...and with this much of the TTL left; 10 to 90, 10 by default
	// Stale answers (RFC 8767).
	uint64_t stale_up_to; // how long after their end; 0: none (without the option)
	enum config_stale_mode stale_mode;
	uint64_t stale_verify_timeout; // 1.8 s by default; 0: until the refresh failed
	uint32_t stale_ttl; // seconds that a stale answer shows; 30 by default, above 0
	uint64_t
		stale_recheck; // between a failed refresh and the next; 30 s by default, 5 m at most
	unsigned int line; // of the directive in its file
};

// Which answers `log` tells of.
enum config_log_class {
	CONFIG_LOG_SUCCESS = 1 << 0,
	CONFIG_LOG_DENIAL = 1 << 1, // NXDOMAIN, and answers without data
	CONFIG_LOG_ERROR = 1 << 2,
	CONFIG_LOG_ALL = 7,
};

// One `log [NAMES...] [FORMAT] { }` of a server block. The first that a question is at or below a name
// of is its own.
struct config_log {
	struct dns_name *names; // one or more
	size_t name_count;
	const char *format; // of the lines, "{common}" and "{combined}" put in
	uint8_t classes; // of enum config_log_class
	uint16_t number; // its place in config_logs()
};

enum config_error_level {
	CONFIG_LEVEL_ERROR,
	CONFIG_LEVEL_WARNING,
	CONFIG_LEVEL_INFO,
	CONFIG_LEVEL_DEBUG,
};

// Errors that are told of once a time, with their number.
struct config_consolidation {
	uint64_t period; // since the first one; above 0
	const char *expression; // POSIX extended, that they match; good, and of bounded cost
	enum config_error_level level;
	bool shows_first; // when it comes
};

// `errors` of a server block.
struct config_errors {
	struct config_consolidation *consolidations; // the first that matches counts
	size_t count;
};

// One zone of one server block: a block with several zones gives as many of these, which share
// nothing that is changed. Blocks of the same zone and port on other addresses are allowed.
struct config_server {
	struct dns_name zone;
	uint16_t port; // 53 by default, 853 of tls://
	// NULL: served over UDP and TCP; else over TLS, with a certificate and key. Servers at the same
	// address and port have the same files, or none.
	const struct config_tls_files *tls;
	struct net_address *bind; // the addresses served; none: all of the port
	size_t bind_count;
	uint16_t bufsize; // largest UDP answer to a client, 512 to 1452; 1232 by default
	struct config_forward **forwards; // in file order; shared by the zones of one block
	size_t forward_count;
	const struct config_cache *cache; // NULL without the directive; shared as the forwards are
	bool rotates_records; // loadbalance
	struct config_log **logs; // in file order; shared by the zones of one block
	size_t log_count;
	const struct config_errors *errors; // NULL without the directive
	unsigned int line;
};

// What is told over HTTP. Pages may share an address.
enum config_page {
	CONFIG_PAGE_METRICS = 1 << 0, // prometheus: /metrics
	CONFIG_PAGE_HEALTH = 1 << 1, // health: /health
	CONFIG_PAGE_READY = 1 << 2, // ready: /ready
};

// An address and port of the kernel's; "::" stands for all addresses, of IPv4 too.
struct config_http_listener {
	struct net_endpoint endpoint;
	uint8_t pages; // of enum config_page, one or more
	unsigned int line; // of the first directive
};

// How the program is watched, by whatever blocks say so.
struct config_watch {
	struct config_http_listener *listeners; // no two of one endpoint
	size_t listener_count;
	uint64_t lameduck; // how long queries are still answered at the stop; 0 by default
	bool is_ready_asked_again; // else what was ready once stays so
};

// How the files are followed: looked at each `interval`, by half of `jitter` sooner or later.
struct config_reload {
	uint64_t interval; // 0: they are not
	uint64_t jitter; // half of the interval at most
};

struct config;

// Reads a file and what it imports; relative paths in it, of `import`, of files in TO and of
// certificates, are seen from its own folder. NULL with `error` filled in: unreadable, or the first thing wrong.
struct config *config_read_file(const char *path, struct config_error *error);

// The same from memory; `name` stands for the file in errors and for its folder in paths.
struct config *config_read_text(const char *name, const char *text, struct config_error *error);

// The same once more, from the text that it was read from, whatever its file and what it imports have
// become; what is new is what files in TO say, and that certificates are there, and what is known of
// its hosts: nothing is when it is read the first time.
struct config *config_read_again(const struct config *config,
	const struct config_known_hosts *known, struct config_error *error);

void config_destroy(struct config *config);

const struct config_server *config_servers(const struct config *config, size_t *count);
// Every forward once, in file order; config_server.forwards points to these.
const struct config_forward *const *config_forwards(const struct config *config, size_t *count);
// Every host once, in file order; those of forwards are equal to one of these.
const struct config_host *const *config_hosts(const struct config *config, size_t *count);
const struct config_watch *config_watch(const struct config *config);
const struct config_reload *config_reload(const struct config *config);

// What the files of a configuration had in them, as numbers to be compared.
struct config_sums {
	uint64_t sources; // the configuration's own, those imported, certificates and keys
	uint64_t upstreams; // files in TO
	bool has_upstreams; // there are some
};

// When it was read, and now: a changed file shows as another sum.
struct config_sums config_sums(const struct config *config);
struct config_sums config_sums_now(const struct config *config);
// The same for files in TO alone; `sources` is not set.
struct config_sums config_sums_now_of_upstreams(const struct config *config);

// Every `log` once, by its number.
const struct config_log *const *config_logs(const struct config *config, size_t *count);
