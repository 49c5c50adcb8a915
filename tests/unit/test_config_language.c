// SPDX-License-Identifier: BSD-3-Clause
#include "config_text.h"

#include "base/compiler.h"
#include "config/lexer.h"

#include <stdlib.h>

// The zone of a server as text.
static const char *server_zone(const struct config *config, size_t index, char text[DNS_NAME_TEXT])
{
	size_t count;
	const struct config_server *servers = config_servers(config, &count);

	return index < count ? dns_name_format(&servers[index].zone, text) : "none";
}

static void one_block_has_the_defaults(void)
{
	struct config *config = config_accept(". {\n\tforward . 192.0.2.53\n}\n");
	const struct config_server *servers;
	const struct config_forward *const *forwards;
	size_t count;
	char text[DNS_NAME_TEXT];

	servers = config_servers(config, &count);
	CU_ASSERT_EQUAL_FATAL(count, 1);
	CU_ASSERT_STRING_EQUAL(server_zone(config, 0, text), ".");
	CU_ASSERT_EQUAL(servers[0].port, 53);
	CU_ASSERT_EQUAL(servers[0].bind_count, 0);
	CU_ASSERT_EQUAL(servers[0].bufsize, 1232);
	CU_ASSERT_EQUAL(servers[0].line, 1);
	CU_ASSERT_EQUAL_FATAL(servers[0].forward_count, 1);
	forwards = config_forwards(config, &count);
	CU_ASSERT_EQUAL_FATAL(count, 1);
	CU_ASSERT_PTR_EQUAL(forwards[0], servers[0].forwards[0]);
	CU_ASSERT_EQUAL(forwards[0]->line, 2);
	config_destroy(config);
}

static void zones_are_parted_by_spaces_and_commas(void)
{
	static const char *const texts[] = {
		"a.example b.example:5353 c.example {\nforward . 192.0.2.1\n}\n",
		"a.example, b.example:5353, c.example {\nforward . 192.0.2.1\n}\n",
		"a.example,b.example:5353,c.example {\nforward . 192.0.2.1\n}\n",
		"A.Example. , dns://b.example:5353 , c.example {\nforward . 192.0.2.1\n}\n",
		"a.example,\nb.example:5353,\n\nc.example {\nforward . 192.0.2.1\n}\n",
	};
	char text[DNS_NAME_TEXT];

	for (size_t i = 0; i < BASE_ARRAY_SIZE(texts); i++) {
		struct config *config = config_accept(texts[i]);
		size_t count;
		const struct config_server *servers = config_servers(config, &count);

		CU_ASSERT_EQUAL_FATAL(count, 3);
		CU_ASSERT_STRING_EQUAL(server_zone(config, 0, text), "a.example.");
		CU_ASSERT_STRING_EQUAL(server_zone(config, 1, text), "b.example.");
		CU_ASSERT_STRING_EQUAL(server_zone(config, 2, text), "c.example.");
		CU_ASSERT_EQUAL(servers[0].port, 53);
		CU_ASSERT_EQUAL(servers[1].port, 5353);
		CU_ASSERT_PTR_EQUAL(servers[0].forwards, servers[2].forwards);
		CU_ASSERT_EQUAL(servers[2].forward_count, 1);
		(void)config_forwards(config, &count);
		CU_ASSERT_EQUAL(count, 1);
		config_destroy(config);
	}
}

static void prefixes_are_several_servers(void)
{
	struct config *config = config_accept("10.0.0.0/14:5353 2001:db8::/32 {\n}\n");
	char text[DNS_NAME_TEXT];
	size_t count;
	const struct config_server *servers = config_servers(config, &count);

	CU_ASSERT_EQUAL_FATAL(count, 5);
	CU_ASSERT_STRING_EQUAL(server_zone(config, 0, text), "0.10.in-addr.arpa.");
	CU_ASSERT_STRING_EQUAL(server_zone(config, 3, text), "3.10.in-addr.arpa.");
	CU_ASSERT_EQUAL(servers[3].port, 5353);
	CU_ASSERT_STRING_EQUAL(server_zone(config, 4, text), "8.b.d.0.1.0.0.2.ip6.arpa.");
	CU_ASSERT_EQUAL(servers[4].port, 53);
	CU_ASSERT_EQUAL(servers[4].forward_count, 0);
	config_destroy(config);
}

static void directives_of_a_block_are_read(void)
{
	struct config *config = config_accept("\xef\xbb\xbf. {\r\n"
					      "  bind 192.0.2.1 2001:db8::1\r\n"
					      "  bind 192.0.2.1 192.0.2.2 # once more\r\n"
					      "  bufsize 512\n"
					      "  bufsize 1452\n"
					      "  forward one.example 192.0.2.1\n"
					      "  forward . 192.0.2.2\n"
					      "}\n"
					      "two.example {\nbufsize\nforward . 192.0.2.3\n}");
	size_t count;
	const struct config_server *servers = config_servers(config, &count);
	const struct config_forward *const *forwards;
	char text[NET_ADDRESS_TEXT];

	CU_ASSERT_EQUAL_FATAL(count, 2);
	CU_ASSERT_EQUAL(servers[0].bufsize, 1452);
	CU_ASSERT_EQUAL_FATAL(servers[0].bind_count, 3);
	CU_ASSERT_STRING_EQUAL(net_address_format(&servers[0].bind[1], text), "2001:db8::1");
	CU_ASSERT_STRING_EQUAL(net_address_format(&servers[0].bind[2], text), "192.0.2.2");
	CU_ASSERT_EQUAL(servers[1].bufsize, 1232);
	CU_ASSERT_EQUAL(servers[1].line, 9);
	forwards = config_forwards(config, &count);
	CU_ASSERT_EQUAL_FATAL(count, 3);
	CU_ASSERT_EQUAL_FATAL(servers[0].forward_count, 2);
	CU_ASSERT_PTR_EQUAL(servers[0].forwards[0], forwards[0]);
	CU_ASSERT_PTR_EQUAL(servers[0].forwards[1], forwards[1]);
	CU_ASSERT_PTR_EQUAL(servers[1].forwards[0], forwards[2]);
	CU_ASSERT_EQUAL(forwards[1]->line, 7);
	config_destroy(config);
}

static const struct config_refusal faulty_blocks[] = {
	{"", "Corefile: no server block"},
	{"# nothing\n\n", "Corefile: no server block"},
	{"(snippet) {\nforward . 192.0.2.1\n}\n", "Corefile: no server block"},
	{".\n", "Corefile:1: '{' is missing after the zone '.'"},
	{"\n. a.example\n{\n}\n", "Corefile:2: '{' is missing after the zone 'a.example'"},
	{"{\n}\n", "Corefile:1: '{' must stand at the end of the line that it belongs to"},
	{"}\n", "Corefile:1: '}' closes no block"},
	{". {\n}\n}\n", "Corefile:3: '}' closes no block"},
	{". { bufsize\n}\n", "Corefile:1: '{' must end the line, but 'bufsize' follows"},
	{". {}\n", "Corefile:1: '{' is missing after the zone '{}'"},
	{". { }\n", "Corefile:1: '{' must end the line, but '}' follows"},
	{". {\nbufsize }\n", "Corefile:2: '}' must stand on its own line"},
	{". {\n} a.example {\n}\n", "Corefile:2: '}' must end the line, but 'a.example' follows"},
	{"\n. {\n\nbufsize\n", "Corefile:2: '{' is not closed"},
	{". {\nforward . 192.0.2.1 {\nexpire 1s\n", "Corefile:2: '{' is not closed"},
	{". {\nforward . 192.0.2.1 {\nexpire 1s\n}\n", "Corefile:1: '{' is not closed"},
	{". {\nforward . 192.0.2.1 {\nexpire 1s {\n}\n}\n}\n",
		"Corefile:3: '{' opens one block too many"},
	{"a.example, {\n}\n", "Corefile:1: a zone is missing after 'a.example,'"},
	{"a.example,\n", "Corefile:1: a zone is missing after 'a.example,'"},
	{"a.example,,b.example {\n}\n", "Corefile:1: '' is not a domain name"},
	{"\"\" {\n}\n", "Corefile:1: '' is not a domain name"},
	{"a..b {\n}\n", "Corefile:1: 'a..b' is not a domain name"},
	{"a:dns {\n}\n", "Corefile:1: 'a:dns' has no port from 1 to 65535 after its last colon"},
	{"10.0.0.0/33 {\n}\n",
		"Corefile:1: '10.0.0.0/33' is not a prefix: its length does not fit"},
	{"10.0.0.1 {\n}\n", "Corefile:1: '10.0.0.1' is an address: a prefix needs a length, as in "
			    "192.0.2.0/24"},
	{"https://. {\n}\n", "Corefile:1: 'https://.' is not supported yet"},
	{"quic://. {\n}\n", "Corefile:1: 'quic://.' has a scheme other than dns, tls and https"},
	{". {\n\"}\n", "Corefile:2: '\"' is not closed"},
	{". {\n\nbanana split\n}\n", "Corefile:3: unknown directive 'banana'"},
	{". {\nforwrad . 192.0.2.1\n}\n",
		"Corefile:2: unknown directive 'forwrad', did you mean 'forward'?"},
	{". {\nchace\n}\n", "Corefile:2: unknown directive 'chace', did you mean 'cache'?"},
	{". {\n\"a\nb\"\n}\n", "Corefile:2: unknown directive 'a?b'"},
	{". {\n\"\"\n}\n", "Corefile:2: unknown directive ''"},
	{". {\nbind\n}\n", "Corefile:2: 'bind' needs an argument"},
	{". {\nbind eth0\n}\n", "Corefile:2: bind 'eth0' is not an IP address"},
	{". {\nbind 192.0.2.1 0.0.0.0\n}\n",
		"Corefile:2: bind '0.0.0.0' is not an address that a port can have"},
	{". {\nbind 192.0.2.1 {\n}\n}\n", "Corefile:2: 'bind' takes no block, but '{' follows"},
	{". {\nbufsize 511\n}\n", "Corefile:2: bufsize '511' is not a number from 512 to 1452"},
	{". {\nbufsize 1453\n}\n", "Corefile:2: bufsize '1453' is not a number from 512 to 1452"},
	{". {\nbufsize big\n}\n", "Corefile:2: bufsize 'big' is not a number from 512 to 1452"},
	{". {\nbufsize 512 513\n}\n", "Corefile:2: too many arguments for 'bufsize': '513'"},
};

static void refused_blocks_name_their_line(void)
{
	config_refuse_each(faulty_blocks, BASE_ARRAY_SIZE(faulty_blocks));
}

static void no_question_has_two_servers(void)
{
	static const struct config_refusal refusals[] = {
		{". {\n}\n. {\n}\n",
			"Corefile:3: zone '.' on port 53 is served at Corefile:1 already"},
		{"a.example A.EXAMPLE.:53 {\n}\n",
			"Corefile:1: zone 'a.example.' on port 53 is served at Corefile:1 already"},
		{". {\nbind 192.0.2.1\n}\n. {\n}\n",
			"Corefile:4: zone '.' on port 53 is served at Corefile:1 already"},
		{". {\nbind 192.0.2.1 192.0.2.2\n}\n. {\nbind 192.0.2.3 192.0.2.2\n}\n",
			"Corefile:4: zone '.' on port 53 is served at Corefile:1 already"},
		{"10.0.0.0/8 {\n}\n.:99 {\n}\n10.in-addr.arpa {\n}\n.:99 {\n}\n",
			"Corefile:5: zone '10.in-addr.arpa.' on port 53 is served at Corefile:1 "
			"already"},
	};

	config_refuse_each(refusals, BASE_ARRAY_SIZE(refusals));
	config_destroy(config_accept(". {\n}\n.:5353 {\n}\na.example {\n}\n"));
	config_destroy(config_accept(". {\nbind 192.0.2.1\n}\n. {\nbind 192.0.2.2\n}\n"));
}

// The words of `text`, each with its kind's letter and a '/' before the first of a line.
static void expect_words(const char *text, const char *expected)
{
	struct config_arena arena = {0};
	struct config_tokens tokens;
	struct config_error error;
	char found[512] = "";
	size_t length = 0;

	CU_ASSERT_EQUAL_FATAL(config_lex_text(&arena, "f", text, strlen(text), &tokens, &error), 0);
	for (size_t i = 0; i < tokens.count; i++)
		length += (size_t)snprintf(found + length, sizeof(found) - length, "%s%c%u[%s]",
			tokens.list[i].starts_line ? "/" : "", "WOC"[tokens.list[i].kind],
			tokens.list[i].place.line, tokens.list[i].text);
	CU_ASSERT_STRING_EQUAL(found, expected);
	config_arena_free(&arena);
}

static void words_are_cut_as_corefiles_have_them(void)
{
	CU_ASSERT_EQUAL(setenv("MILLRACE_TEST_A", "a b", 1), 0);
	CU_ASSERT_EQUAL(setenv("MILLRACE_TEST_B", "{$MILLRACE_TEST_A}", 1), 0);
	CU_ASSERT_EQUAL(setenv("MILLRACE_TEST_C", "{", 1), 0);
	expect_words("", "");
	expect_words(" a\tb\r\n\n c", "/W1[a]W1[b]/W3[c]");
	expect_words("a {\n}\n", "/W1[a]O1[{]/C2[}]");
	expect_words("a{ {b \"{\" \"}\"", "/W1[a{]W1[{b]W1[{]W1[}]");
	expect_words("# all\na # rest {\nb#c #", "/W2[a]/W3[b#c]");
	expect_words("\"a b\"c \"\"", "/W1[a b]W1[c]W1[]");
	expect_words("\"a \\\" b\" a\\\"b", "/W1[a \" b]W1[a\\\"b]");
	expect_words("\"a\\\\\" \"\\n\"", "/W1[a\\\\]W1[\\n]");
	expect_words("\"a\n# b\" c\nd", "/W1[a\n# b]W2[c]/W3[d]");
	expect_words("a\\\nb", "/W1[a\\]/W2[b]");
	expect_words("x{$MILLRACE_TEST_A}y", "/W1[xa by]");
	expect_words("\"{%MILLRACE_TEST_A%} {$MILLRACE_TEST_A}\"", "/W1[a b a b]");
	expect_words("{$MILLRACE_TEST_B}", "/W1[{$MILLRACE_TEST_A}]");
	expect_words("{$MILLRACE_TEST_C}", "/W1[{]");
	expect_words("{$} {%%} {$a {%a} {", "/W1[{$}]W1[{%%}]W1[{$a]W1[{%a}]O1[{]");
}

static void words_have_bounds(void)
{
	static char text[CONFIG_FILE_BYTES + 2];
	char word[CONFIG_WORD_BYTES + 8] = "";

	config_refuse("\n. {\nforward . {$MILLRACE_TEST_UNSET}\n}\n",
		"Corefile:3: environment variable 'MILLRACE_TEST_UNSET' is not set");
	memset(word, 'a', CONFIG_WORD_BYTES + 1);
	config_refuse(word, "Corefile:1: 'aaaaaaaaaaaaaaaaaaaa...' is longer than 4096 bytes");
	CU_ASSERT_EQUAL(setenv("MILLRACE_TEST_LONG", word, 1), 0);
	config_refuse("b{$MILLRACE_TEST_LONG}", "Corefile:1: 'b...' is longer than 4096 bytes");
	word[CONFIG_WORD_BYTES] = '\0';
	config_refuse(word,
		"Corefile:1: "
		"'aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
		"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa' is not a domain name");
	memset(text, '\n', sizeof(text) - 1);
	config_refuse(text, "Corefile: File too large");
	text[CONFIG_FILE_BYTES] = '\0';
	config_refuse(text, "Corefile: no server block");
}

static void the_text_behind_a_nul_is_not_passed_over(void)
{
	static const char text[] = ". {\n}\0\n";
	struct config_arena arena = {0};
	struct config_tokens tokens;
	struct config_error error;

	CU_ASSERT_NOT_EQUAL(
		config_lex_text(&arena, "f", text, sizeof(text) - 1, &tokens, &error), 0);
	CU_ASSERT_STRING_EQUAL(error.text, "f:2: NUL byte '\\0' in the text");
	config_arena_free(&arena);
}

static const struct unit_case cases[] = {
	{"one block has the defaults", one_block_has_the_defaults},
	{"zones are parted by spaces and commas", zones_are_parted_by_spaces_and_commas},
	{"prefixes are several servers", prefixes_are_several_servers},
	{"directives of a block are read", directives_of_a_block_are_read},
	{"refused blocks name their line", refused_blocks_name_their_line},
	{"no question has two servers", no_question_has_two_servers},
	{"words are cut as Corefiles have them", words_are_cut_as_corefiles_have_them},
	{"words have bounds", words_have_bounds},
	{"the text behind a NUL is not passed over", the_text_behind_a_nul_is_not_passed_over},
};

UNIT_MAIN("config language", cases)
