// SPDX-License-Identifier: BSD-3-Clause
#include "names/names.h"

#include <ares.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/log.h"
#include "names/lookup.h"

#define LOOKUPS_MOST 64 // at once, each with some sockets
#define CHANGE_TEXT 400

// Copied whole: configurations come and go.
struct names_entry {
	struct config_host host;
	char name[CONFIG_HOST_NAME_TEXT];
	struct net_endpoint resolvers[CONFIG_RESOLVER_COUNT];
	struct names_record record;
	struct names_lookup *lookup; // NULL: none is on its way
	const char *said; // why, in the log; NULL: nothing is wrong
	bool is_awaited;
	bool is_running; // of the running configuration, not of the next alone
	bool is_kept;
	bool is_changed; // since names_known
	uint64_t lookups;
	uint64_t failed;
	uint64_t changed;
};

struct names {
	struct names_entry **entries;
	size_t count;
	struct config_host_addresses *known; // one an entry
	size_t lookup_count; // on their way
	uint64_t due; // the next thing to do, where none is on its way
	uint64_t generation;
};

struct names *names_create(void)
{
	struct names *names = calloc(1, sizeof(*names));
	int status;

	if (!names)
		return NULL;
	status = ares_library_init(ARES_LIB_INIT_ALL);
	if (status == ARES_SUCCESS)
		return names;
	free(names);
	errno = status == ARES_ENOMEM ? ENOMEM : EIO;
	return NULL;
}

static void entry_end_lookup(struct names *names, struct names_entry *entry)
{
	if (!entry->lookup)
		return;
	names_lookup_destroy(entry->lookup);
	entry->lookup = NULL;
	names->lookup_count--;
}

static void entry_destroy(struct names *names, struct names_entry *entry)
{
	entry_end_lookup(names, entry);
	free(entry->record.known.addresses);
	free(entry);
}

void names_destroy(struct names *names)
{
	if (!names)
		return;
	for (size_t i = 0; i < names->count; i++)
		entry_destroy(names, names->entries[i]);
	free(names->entries);
	free(names->known);
	free(names);
	ares_library_cleanup();
}

static struct names_entry *find_entry(const struct names *names, const struct config_host *host)
{
	for (size_t i = 0; i < names->count; i++) {
		if (config_host_equal(&names->entries[i]->host, host))
			return names->entries[i];
	}
	return NULL;
}

static struct names_entry *entry_create(const struct config_host *host)
{
	struct names_entry *entry = calloc(1, sizeof(*entry));

	if (!entry)
		return NULL;
	(void)snprintf(entry->name, sizeof(entry->name), "%s", host->name);
	for (size_t i = 0; i < host->resolver_count; i++)
		entry->resolvers[i] = host->resolvers[i];
	entry->host = (struct config_host){.name = entry->name,
		.resolvers = entry->resolvers,
		.resolver_count = host->resolver_count};
	entry->is_awaited = true;
	return entry;
}

// Of `names` there is room for as many more as `count`.
static int make_room(struct names *names, size_t count)
{
	size_t most = names->count + count + 1;
	struct names_entry **entries = realloc(names->entries, most * sizeof(*entries));
	struct config_host_addresses *known;

	if (!entries)
		return -ENOMEM;
	names->entries = entries;
	known = realloc(names->known, most * sizeof(*known));
	if (!known)
		return -ENOMEM;
	names->known = known;
	return 0;
}

// A change that the configuration was not read with is one of the running configuration from now on.
static void entry_set_running(struct names *names, struct names_entry *entry)
{
	names->generation += !entry->is_running && entry->is_changed;
	entry->is_running = true;
}

static int keep_hosts(struct names *names, const struct config *config, bool are_running)
{
	size_t count;
	const struct config_host *const *hosts = config_hosts(config, &count);
	int error = make_room(names, count);

	for (size_t i = 0; i < count && !error; i++) {
		struct names_entry *entry = find_entry(names, hosts[i]);

		if (!entry) {
			entry = entry_create(hosts[i]);
			if (!entry)
				return -ENOMEM;
			names->entries[names->count++] = entry;
		}
		entry->is_kept = true;
		if (are_running)
			entry_set_running(names, entry);
	}
	return error;
}

int names_follow(struct names *names, const struct config *running, const struct config *next)
{
	size_t kept = 0;
	int error;

	for (size_t i = 0; i < names->count; i++)
		names->entries[i]->is_kept = false;
	error = keep_hosts(names, running, true);
	if (!error && next)
		error = keep_hosts(names, next, false);
	for (size_t i = 0; i < names->count && !error; i++) {
		if (names->entries[i]->is_kept)
			names->entries[kept++] = names->entries[i];
		else
			entry_destroy(names, names->entries[i]);
	}
	if (!error)
		names->count = kept;
	names->due = 0;
	return error;
}

void names_ask_missing(struct names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct names_entry *entry = names->entries[i];

		if (entry->record.known.count)
			continue;
		entry->record.due = 0;
		entry->is_awaited = true;
	}
	names->due = 0;
}

bool names_are_awaited(const struct names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		if (names->entries[i]->is_awaited)
			return true;
	}
	return false;
}

struct change_text {
	char text[CHANGE_TEXT];
	size_t length;
};

// " 192.0.2.1 comes," for each address of `list` that is not in `other`, as far as there is room.
static void write_change(struct change_text *change, const struct names_list *list,
	const struct names_list *other, const char *verb)
{
	for (size_t i = 0; i < list->count; i++) {
		size_t room = sizeof(change->text) - change->length;
		char address[NET_ADDRESS_TEXT];
		int length;

		if (names_list_has(other, &list->addresses[i]))
			continue;
		if (room < NET_ADDRESS_TEXT + 16)
			return;
		length = snprintf(change->text + change->length, room, "%s %s %s",
			change->length ? "," : "", net_address_format(&list->addresses[i], address),
			verb);
		change->length += length > 0 ? (size_t)length : 0;
	}
}

static void say_change(const struct names_entry *entry, const struct names_list *before)
{
	struct change_text change = {.text = ""};

	write_change(&change, &entry->record.known, before, "comes");
	write_change(&change, before, &entry->record.known, "goes");
	log_info("%s:%s", entry->name, change.text);
}

// What is wrong is said once.
static void say_fault(struct names_entry *entry)
{
	const char *why = entry->record.why;

	if (why && why != entry->said)
		log_warning("%s: %s; %s", entry->name, why,
			entry->record.known.count ? "what is known stays" : "it has no upstream");
	else if (!why && entry->said)
		log_info("%s: is answered again", entry->name);
	entry->said = why;
}

static void take_answers(struct names *names, struct names_entry *entry,
	const struct names_answer answers[NAMES_VERSIONS], uint64_t now)
{
	struct names_list before = {0};
	int changed = names_record_take(&entry->record, answers, now, &before);

	entry->is_awaited = false;
	entry->lookups++;
	entry->failed += entry->record.why != NULL;
	if (changed > 0) {
		entry->changed++;
		entry->is_changed = true;
		names->generation += entry->is_running;
		say_change(entry, &before);
		free(before.addresses);
	}
	say_fault(entry);
}

static void turn_entry(struct names *names, struct names_entry *entry, uint64_t now)
{
	static const char why[] = "the resolver can not be asked";
	static const struct names_answer none[NAMES_VERSIONS] = {
		{.outcome = NAMES_FAILED, .why = why}, {.outcome = NAMES_FAILED, .why = why}};

	if (!entry->lookup && now >= entry->record.due && names->lookup_count < LOOKUPS_MOST) {
		entry->lookup = names_lookup_create(&entry->host, now);
		if (entry->lookup)
			names->lookup_count++;
		else
			take_answers(names, entry, none, now);
	}
	if (!entry->lookup || !names_lookup_turn(entry->lookup, now))
		return;
	take_answers(names, entry, names_lookup_answers(entry->lookup), now);
	entry_end_lookup(names, entry);
}

void names_turn(struct names *names, uint64_t now)
{
	if (!names->lookup_count && now < names->due)
		return;
	names->due = UINT64_MAX;
	for (size_t i = 0; i < names->count; i++) {
		struct names_entry *entry = names->entries[i];

		turn_entry(names, entry, now);
		if (entry->record.due < names->due)
			names->due = entry->record.due;
	}
}

uint64_t names_generation(const struct names *names)
{
	return names->generation;
}

struct config_known_hosts names_known(struct names *names)
{
	for (size_t i = 0; i < names->count; i++) {
		struct names_entry *entry = names->entries[i];

		entry->is_changed = false;
		names->known[i] = (struct config_host_addresses){.host = entry->host,
			.addresses = entry->record.known.addresses,
			.address_count = entry->record.known.count};
	}
	return (struct config_known_hosts){.list = names->known, .count = names->count};
}

size_t names_count(const struct names *names)
{
	return names->count;
}

struct names_state names_state(const struct names *names, size_t index)
{
	const struct names_entry *entry = names->entries[index];

	return (struct names_state){
		.host = &entry->host,
		.record = &entry->record,
		.lookups = entry->lookups,
		.failed = entry->failed,
		.changed = entry->changed,
	};
}

const char *names_fault(const struct names *names, const struct config_host *host)
{
	const struct names_entry *entry = find_entry(names, host);

	if (!entry || !entry->lookups)
		return "no answer yet";
	return entry->record.why ? entry->record.why : "it has no address";
}
