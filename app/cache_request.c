// SPDX-License-Identifier: BSD-3-Clause
#include "cache_request.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "dns/mnemonic.h"

#define REQUEST_TEXT 1280 // a name of any length, and words
#define WORDS_MOST 3

// Digits alone, at most `most`.
static int parse_number(const char *text, unsigned long most, uint16_t *number)
{
	char *end;
	unsigned long value;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || value > most)
		return -EINVAL;
	*number = (uint16_t)value;
	return 0;
}

struct words {
	char text[REQUEST_TEXT];
	char *word[WORDS_MOST];
	uint32_t count;
	uint32_t at; // the next to be read
};

// False for more words, or longer ones, than any request has.
static bool words_split(struct words *words, const char *text)
{
	char *rest = words->text;
	char *word;

	words->count = 0;
	words->at = 0;
	if (strlen(text) >= sizeof(words->text))
		return false;
	memcpy(words->text, text, strlen(text) + 1);
	while ((word = strtok_r(rest, " \t\r\n", &rest))) {
		if (words->count == WORDS_MOST)
			return false;
		words->word[words->count++] = word;
	}
	return true;
}

static const char *words_next(struct words *words)
{
	return words->at < words->count ? words->word[words->at++] : NULL;
}

static const char *parse_name(struct cache_request *request, const char *word)
{
	if (!word || dns_name_parse_text(&request->name, word))
		return "no name stands where one should";
	dns_name_make_lower_case(&request->name);
	return NULL;
}

static const char *parse_show(struct cache_request *request, struct words *words)
{
	const char *wrong = parse_name(request, words_next(words));
	const char *word = words->at < words->count ? words->word[words->at] : NULL;

	// A number is of a cache, which stands last.
	if (wrong || !word || (*word >= '0' && *word <= '9'))
		return wrong;
	words->at++;
	request->has_type = true;
	return dns_type_parse(word, &request->type) ? "no such type" : NULL;
}

static const char *parse_flush(struct cache_request *request, struct words *words)
{
	const char *word = words_next(words);

	if (word && strcmp(word, "all") == 0) {
		request->scope = CACHE_FLUSH_ALL;
		return NULL;
	}
	if (word && strcmp(word, "name") == 0)
		request->scope = CACHE_FLUSH_NAME;
	else if (word && strcmp(word, "zone") == 0)
		request->scope = CACHE_FLUSH_ZONE;
	else
		return "not all, name NAME or zone NAME";
	return parse_name(request, words_next(words));
}

static const char *parse_file(struct cache_request *request, struct words *words)
{
	const char *word = words_next(words);

	request->last = 0;
	if (!word || *word != '/')
		return "no whole path of a file";
	if (strlen(word) >= sizeof(request->path))
		return "the path is too long";
	memcpy(request->path, word, strlen(word) + 1);
	return NULL;
}

static const char *parse_subject(struct cache_request *request, struct words *words)
{
	switch (request->verb) {
	case CACHE_REQUEST_SHOW:
		return parse_show(request, words);
	case CACHE_REQUEST_FLUSH:
		return parse_flush(request, words);
	case CACHE_REQUEST_DUMP:
	case CACHE_REQUEST_LOAD:
		break;
	}
	return parse_file(request, words);
}

const char *cache_request_parse(struct cache_request *request, enum cache_request_verb verb,
	const char *text, uint16_t cache_count)
{
	struct words words;
	const char *wrong;
	const char *word;

	*request = (struct cache_request){.verb = verb, .last = (uint16_t)(cache_count - 1)};
	if (!cache_count)
		return "the configuration has no cache";
	if (!words_split(&words, text ? text : ""))
		return "more words than expected";
	wrong = parse_subject(request, &words);
	if (wrong)
		return wrong;
	word = words_next(&words);
	if (word) {
		if (parse_number(word, cache_count - 1u, &request->first))
			return "no such cache";
		request->last = request->first;
	}
	return words_next(&words) ? "more words than expected" : NULL;
}

const char *cache_shown_kind(const struct cache_shown *shown)
{
	static const char *const kinds[CACHE_KINDS] = {
		[CACHE_KIND_SUCCESS] = "success",
		[CACHE_KIND_DENIAL] = "denial",
		[CACHE_KIND_SERVFAIL] = "servfail",
	};

	return kinds[shown->kind];
}
