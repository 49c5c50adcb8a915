// SPDX-License-Identifier: BSD-3-Clause
// What the configuration says of TCP and TLS, to clients and to upstreams.
#include "config_folder.h"
#include "config_text.h"

#include "base/compiler.h"

static const struct config_forward *first_forward(const struct config *config)
{
	size_t count;
	const struct config_forward *const *forwards = config_forwards(config, &count);

	CU_ASSERT_TRUE_FATAL(count > 0);
	return forwards[0];
}

static void expect_upstreams(const struct config_forward *forward, const char *expected)
{
	char found[1024] = "";
	char text[NET_ENDPOINT_TEXT];
	size_t length = 0;

	for (size_t i = 0; i < forward->upstream_count; i++) {
		const struct config_upstream *upstream = &forward->upstreams[i];

		length += (size_t)snprintf(found + length, sizeof(found) - length, "%s%s%s%s ",
			upstream->is_https ? "https "
			: upstream->is_tls ? "tls "
					   : "",
			net_endpoint_format(&upstream->endpoint, text),
			upstream->server_name ? "%" : "",
			upstream->server_name ? upstream->server_name : "");
	}
	CU_ASSERT_STRING_EQUAL(found, expected);
}

static void upstreams_of_tls_have_port_853_and_a_name(void)
{
	struct config *config = config_accept(
		". {\nforward . tls://192.0.2.1 tls://192.0.2.2:53 tls://192.0.2.3%Dns.Example. "
		"tls://192.0.2.4%one.example:8853 tls://2001:db8::1 tls://2001:db8::2%two.example "
		"tls://[2001:db8::3] tls://[2001:db8::4%three.example]:853 "
		"tls://[2001:db8::5%four.example]\n}\n");

	expect_upstreams(first_forward(config),
		"tls 192.0.2.1:853 tls 192.0.2.2:53 tls 192.0.2.3:853%dns.example "
		"tls 192.0.2.4:8853%one.example tls [2001:db8::1]:853 "
		"tls [2001:db8::2]:853%two.example tls [2001:db8::3]:853 "
		"tls [2001:db8::4]:853%three.example tls [2001:db8::5]:853%four.example ");
	config_destroy(config);
}

static void upstreams_of_https_have_port_443_and_a_name(void)
{
	struct config *config =
		config_accept(". {\nforward . https://192.0.2.1 https://192.0.2.2:8443 "
			      "https://192.0.2.3%Dns.Example. https://192.0.2.4%one.example:853 "
			      "https://2001:db8::1 https://[2001:db8::2%two.example]:443 "
			      "https://[2001:db8::3%three.example]\n}\n");

	expect_upstreams(first_forward(config),
		"https 192.0.2.1:443 https 192.0.2.2:8443 https 192.0.2.3:443%dns.example "
		"https 192.0.2.4:853%one.example https [2001:db8::1]:443 "
		"https [2001:db8::2]:443%two.example https [2001:db8::3]:443%three.example ");
	CU_ASSERT_TRUE(first_forward(config)->upstreams[0].is_tls);
	CU_ASSERT_EQUAL(first_forward(config)->doh_method, CONFIG_DOH_POST);
	config_destroy(config);
}

// The same address and port over another transport is another upstream.
static void duplicates_have_the_same_transport(void)
{
	struct config *config = config_accept(
		". {\nforward . 192.0.2.1:853 tls://192.0.2.1 tls://192.0.2.1%b.example 192.0.2.1 "
		"192.0.2.1:853 tls://192.0.2.1:853 https://192.0.2.1:853 "
		"https://192.0.2.1:853\n}\n");

	expect_upstreams(first_forward(config),
		"192.0.2.1:853 tls 192.0.2.1:853 192.0.2.1:53 https 192.0.2.1:853 ");
	CU_ASSERT_EQUAL(first_forward(config)->max_connect_attempts, 8);
	config_destroy(config);
}

static const struct config_refusal faulty_upstreams[] = {
	{". {\nforward . tls://\n}\n", "Corefile:2: 'tls://' names no upstream"},
	{". {\nforward . tls:///etc/resolv.conf\n}\n",
		"Corefile:2: 'tls:///etc/resolv.conf' has no IP address and no host name behind "
		"tls://"},
	{". {\nforward . tls://%one.example\n}\n", "Corefile:2: 'tls://%one.example' has no IP "
						   "address and no host name behind tls://"},
	{". {\nforward . tls://192.0.2.1%\n}\n", "Corefile:2: '' is not the name of a host"},
	{". {\nforward . tls://192.0.2.1%a..b\n}\n",
		"Corefile:2: 'a..b' is not the name of a host"},
	{". {\nforward . tls://192.0.2.1%.\n}\n", "Corefile:2: '.' is not the name of a host"},
	{". {\nforward . tls://192.0.2.1%a%b\n}\n", "Corefile:2: 'a%b' is not the name of a host"},
	{". {\nforward . tls://192.0.2.1%192.0.2.2\n}\n",
		"Corefile:2: '192.0.2.2' is not the name of a host"},
	{". {\nforward . tls://192.0.2.1%a:0\n}\n",
		"Corefile:2: 'tls://192.0.2.1%a:0' has no port from 1 to 65535"},
	{". {\nforward . tls://192.0.2.1%a]:53\n}\n", "Corefile:2: 'tls://192.0.2.1%a]:53' has no "
						      "IP address and no host name behind tls://"},
	{". {\nforward . tls://[2001:db8::1%a:53\n}\n",
		"Corefile:2: 'tls://[2001:db8::1%a:53' has no IP address and no host name behind "
		"tls://"},
	{". {\nforward . dns://192.0.2.1%a\n}\n",
		"Corefile:2: 'dns://192.0.2.1%a' is not an IP address, a file or a host name"},
	{". {\nforward . tls://0.0.0.0\n}\n",
		"Corefile:2: 'tls://0.0.0.0' is not the address of a server"},
	{". {\nforward . https://\n}\n", "Corefile:2: 'https://' names no upstream"},
	{". {\nforward . https://192.0.2.1/\n}\n",
		"Corefile:2: 'https://192.0.2.1/' has a path, which is not allowed"},
	{". {\nforward . https://%one.example\n}\n", "Corefile:2: 'https://%one.example' has no IP "
						     "address and no host name behind https://"},
	{". {\nforward . https://192.0.2.1%a..b\n}\n",
		"Corefile:2: 'a..b' is not the name of a host"},
	{". {\nforward . https://192.0.2.1:0\n}\n",
		"Corefile:2: 'https://192.0.2.1:0' has no port from 1 to 65535"},
};

static void faulty_upstreams_are_refused(void)
{
	config_refuse_each(faulty_upstreams, BASE_ARRAY_SIZE(faulty_upstreams));
}

static void a_name_has_a_most_length(void)
{
	char name[300];
	char text[400];

	for (size_t length = 253; length <= 254; length++) {
		memset(name, 'a', length);
		name[length] = '\0';
		for (size_t i = 63; i < length; i += 64)
			name[i] = '.';
		snprintf(text, sizeof(text), ". {\nforward . tls://192.0.2.1%%%s\n}\n", name);
		if (length == 253) {
			config_destroy(config_accept(text));
		} else {
			char error[400];

			snprintf(error, sizeof(error),
				"Corefile:2: '%.100s' is not the name of a host", name);
			config_refuse(text, error);
		}
	}
	memset(name, 'a', 64);
	name[64] = '\0';
	snprintf(text, sizeof(text), ". {\nforward . tls://192.0.2.1%%%s\n}\n", name);
	CU_ASSERT_PTR_NULL(config_read_text("Corefile", text, &(struct config_error){0}));
}

static void options_of_streams_are_read(void)
{
	struct config *config =
		config_accept(CONFIG_OPTIONS("force_tcp\nprefer_udp\nmax_inflight 1\n"
					     "max_inflight 65535\nmin_idle_conns 4294967295\n"
					     "tls\ndoh_method POST\ndoh_method GET\n"));
	const struct config_forward *forward = first_forward(config);

	CU_ASSERT_TRUE(forward->force_tcp);
	CU_ASSERT_TRUE(forward->prefer_udp);
	CU_ASSERT_EQUAL(forward->max_inflight, 65535);
	CU_ASSERT_EQUAL(forward->min_idle_conns, UINT32_MAX);
	CU_ASSERT_PTR_NULL(forward->tls.ca);
	CU_ASSERT_EQUAL(forward->doh_method, CONFIG_DOH_GET);
	config_destroy(config);
	config_destroy(config_accept(CONFIG_OPTIONS("min_idle_conns 5\nmax_idle_conns 5")));
	config_destroy(config_accept(CONFIG_OPTIONS("min_idle_conns 0\nexpire 0s")));
}

static const struct config_refusal faulty_options[] = {
	{CONFIG_OPTIONS("force_tcp on"), "Corefile:3: too many arguments for 'force_tcp': 'on'"},
	{CONFIG_OPTIONS("prefer_udp on"), "Corefile:3: too many arguments for 'prefer_udp': 'on'"},
	{CONFIG_OPTIONS("max_inflight"), "Corefile:3: 'max_inflight' needs an argument"},
	{CONFIG_OPTIONS("max_inflight 0"),
		"Corefile:3: max_inflight '0' is not a number from 1 to 65535"},
	{CONFIG_OPTIONS("max_inflight 65536"),
		"Corefile:3: max_inflight '65536' is not a number from 1 to 65535"},
	{CONFIG_OPTIONS("max_inflight -1"), "Corefile:3: max_inflight '-1' must not be negative"},
	{CONFIG_OPTIONS("min_idle_conns x"), "Corefile:3: min_idle_conns 'x' is not a number"},
	{CONFIG_OPTIONS("min_idle_conns 6\nmax_idle_conns 5"),
		"Corefile:3: min_idle_conns (6) must not exceed max_idle_conns (5)"},
	{CONFIG_OPTIONS("max_idle_conns 5\n\nmin_idle_conns 6"),
		"Corefile:5: min_idle_conns (6) must not exceed max_idle_conns (5)"},
	{CONFIG_OPTIONS("min_idle_conns 1\nexpire 0"),
		"Corefile:3: min_idle_conns (1) needs an expire above 0s"},
	{CONFIG_OPTIONS("tls a b c d"), "Corefile:3: too many arguments for 'tls': 'd'"},
	{CONFIG_OPTIONS("tls /no/such/file"),
		"Corefile:3: tls '/no/such/file': No such file or directory"},
	{CONFIG_OPTIONS("tls /"), "Corefile:3: tls '/': Is a directory"},
	{CONFIG_OPTIONS("tls /dev/null"), "Corefile:3: tls '/dev/null' is empty"},
	{CONFIG_OPTIONS("doh_method"), "Corefile:3: 'doh_method' needs an argument"},
	{CONFIG_OPTIONS("doh_method PUT"), "Corefile:3: doh_method 'PUT' is not GET or POST"},
	{CONFIG_OPTIONS("doh_method get"), "Corefile:3: doh_method 'get' is not GET or POST"},
	{CONFIG_OPTIONS("doh_method GET POST"),
		"Corefile:3: too many arguments for 'doh_method': 'POST'"},
	{CONFIG_OPTIONS("tls_servername"), "Corefile:3: 'tls_servername' needs an argument"},
	{CONFIG_OPTIONS("tls_servername a..b"), "Corefile:3: 'a..b' is not the name of a host"},
	{CONFIG_OPTIONS("tls_servername 192.0.2.1"),
		"Corefile:3: '192.0.2.1' is not the name of a host"},
	{". {\nforward . tls://192.0.2.1 tls://192.0.2.2%one.example {\n"
	 "tls_servername two.example\n}\n}\n",
		"Corefile:3: tls_servername beside the %'one.example' of an upstream"},
};

static void faulty_options_are_refused(void)
{
	config_refuse_each(faulty_options, BASE_ARRAY_SIZE(faulty_options));
}

static void a_server_name_is_for_all_upstreams_of_tls(void)
{
	struct config *config =
		config_accept(". {\nforward . tls://192.0.2.1 192.0.2.2 https://192.0.2.3:99 {\n"
			      "tls_servername Dns.Example.\n}\n}\n");

	expect_upstreams(first_forward(config),
		"tls 192.0.2.1:853%dns.example 192.0.2.2:53 https 192.0.2.3:99%dns.example ");
	config_destroy(config);
}

// A file with this text, in a folder of three files called cert, key and ca.
static struct config *read_in_folder(
	struct config_folder *folder, const char *text, struct config_error *error)
{
	char path[2 * CONFIG_FOLDER_PATH];

	config_folder_write(folder, "millrace.conf", text);
	return config_read_file(config_folder_path(folder, "millrace.conf", path), error);
}

static void open_folder(struct config_folder *folder)
{
	config_folder_create(folder);
	config_folder_write(folder, "cert", "c");
	config_folder_write(folder, "key", "k");
	config_folder_write(folder, "ca", "a");
	config_folder_write(folder, "other", "o");
}

// "?" for a path that is not in the folder.
static const char *name_in_folder(const struct config_folder *folder, const char *path)
{
	size_t length = strlen(folder->path);

	if (!path)
		return "-";
	return strncmp(path, folder->path, length) == 0 ? path + length + 1 : "?";
}

static void expect_files(const struct config_folder *folder, const struct config_tls_files *files,
	const char *expected)
{
	char found[256];

	snprintf(found, sizeof(found), "%s %s %s", name_in_folder(folder, files->certificate),
		name_in_folder(folder, files->key), name_in_folder(folder, files->ca));
	CU_ASSERT_STRING_EQUAL(found, expected);
}

static void certificates_are_beside_the_configuration(void)
{
	static const char *const options[][2] = {
		{"tls", "- - -"},
		{"tls ca", "- - ca"},
		{"tls cert key", "cert key -"},
		{"tls cert key ca", "cert key ca"},
		{"tls cert key ca\ntls other", "- - other"},
	};
	struct config_folder folder;
	struct config_error error;

	open_folder(&folder);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(options); i++) {
		char text[256];
		struct config *config;

		snprintf(text, sizeof(text), ". {\nforward . tls://192.0.2.1 {\n%s\n}\n}\n",
			options[i][0]);
		config = read_in_folder(&folder, text, &error);
		CU_ASSERT_PTR_NOT_NULL_FATAL(config);
		expect_files(&folder, &first_forward(config)->tls, options[i][1]);
		config_destroy(config);
	}
	config_folder_destroy(&folder);
}

static void zones_of_tls_have_certificates(void)
{
	struct config_folder folder;
	struct config_error error = {0};
	const struct config_server *servers;
	struct config *config;
	size_t count;

	open_folder(&folder);
	config = read_in_folder(&folder,
		"tls://. a.example tls://b.example:8853 {\ntls cert key\n}\n"
		"tls://c.example {\ntls cert key\ntls cert key\n}\n"
		"tls://d.example:8854 {\ntls cert key ca\n}\n",
		&error);
	CU_ASSERT_STRING_EQUAL(error.text, "");
	CU_ASSERT_PTR_NOT_NULL_FATAL(config);
	servers = config_servers(config, &count);
	CU_ASSERT_EQUAL_FATAL(count, 5);
	CU_ASSERT_EQUAL(servers[0].port, 853);
	CU_ASSERT_PTR_NOT_NULL_FATAL(servers[0].tls);
	expect_files(&folder, servers[0].tls, "cert key -");
	CU_ASSERT_EQUAL(servers[1].port, 53);
	CU_ASSERT_PTR_NULL(servers[1].tls);
	CU_ASSERT_EQUAL(servers[2].port, 8853);
	CU_ASSERT_PTR_EQUAL(servers[2].tls, servers[0].tls);
	CU_ASSERT_PTR_NOT_NULL_FATAL(servers[4].tls);
	expect_files(&folder, servers[4].tls, "cert key ca");
	config_destroy(config);
	config_folder_destroy(&folder);
}

static const struct {
	const char *text;
	const char *error; // behind the file's name; NULL: it is accepted
} tls_blocks[] = {
	{"tls://. {\n}\n", ":1: a zone of tls:// needs 'tls CERT KEY' in its block"},
	{". {\n}\na.example,\ntls://b.example {\n}\n",
		":4: a zone of tls:// needs 'tls CERT KEY' in its block"},
	{". {\ntls cert key\n}\n", ":2: 'tls' in a block that has no zone of tls://"},
	{"tls://. {\ntls\n}\n", ":2: 'tls' needs more arguments"},
	{"tls://. {\ntls cert\n}\n", ":2: 'tls' needs more arguments"},
	{"tls://. {\ntls cert key ca more\n}\n", ":2: too many arguments for 'tls': 'more'"},
	{"tls://. {\ntls cert key {\n}\n}\n", ":2: 'tls' takes no block, but '{' follows"},
	{"tls://. {\ntls cert nokey\n}\n", ":2: tls 'nokey': No such file or directory"},
	{"tls://.:0 {\ntls cert key\n}\n",
		":1: '.:0' has no port from 1 to 65535 after its last colon"},
	// One way to begin a connection at each address and port.
	{".:853 {\n}\ntls://a.example {\ntls cert key\n}\n",
		":3: port 853 is served at FILE:1 already, without TLS"},
	{"tls://a.example {\ntls cert key\n}\n.:99 {\n}\n.:853 {\n}\n",
		":6: port 853 is served at FILE:1 already, with TLS"},
	{"tls://a.example .:853 {\ntls cert key\n}\n",
		":1: port 853 is served at FILE:1 already, with TLS"},
	{"tls://a.example {\ntls cert key\n}\ntls://b.example {\ntls other key\n}\n",
		":4: port 853 is served at FILE:1 already, with other certificates"},
	{"tls://a.example {\ntls cert key\n}\ntls://b.example {\ntls cert key ca\n}\n",
		":4: port 853 is served at FILE:1 already, with other certificates"},
	{"tls://a.example {\nbind 192.0.2.1\ntls cert key\n}\n"
	 "tls://b.example {\ntls other key\n}\n",
		":5: port 853 is served at FILE:1 already, with other certificates"},
	{"tls://. {\ntls cert key\n}\ntls://. {\ntls cert key\n}\n",
		":4: zone '.' on port 853 is served at FILE:1 already"},
	{"tls://a.example {\ntls cert key\n}\ntls://b.example {\ntls cert key\n}\n", NULL},
	{"tls://a.example {\nbind 192.0.2.1\ntls cert key\n}\n"
	 "tls://b.example {\nbind 192.0.2.2\ntls other key\n}\n.:853 {\nbind 192.0.2.3\n}\n",
		NULL},
	{"tls://a.example tls://b.example tls://c.example:8853 . {\ntls cert key ca\n}\n", NULL},
};

// "FILE" in `text` becomes the path.
static void expand_file(const char *text, const char *path, char *out, size_t size)
{
	const char *file = strstr(text, "FILE");

	if (file)
		snprintf(out, size, "%s%.*s%s%.200s", path, (int)(file - text), text, path,
			file + 4);
	else
		snprintf(out, size, "%s%.200s", path, text);
}

static void faulty_blocks_of_tls_are_refused(void)
{
	struct config_folder folder;

	open_folder(&folder);
	for (size_t i = 0; i < BASE_ARRAY_SIZE(tls_blocks); i++) {
		struct config_error error = {0};
		char path[2 * CONFIG_FOLDER_PATH];
		char expected[4 * CONFIG_FOLDER_PATH + CONFIG_ERROR_TEXT] = "";
		struct config *config = read_in_folder(&folder, tls_blocks[i].text, &error);

		config_folder_path(&folder, "millrace.conf", path);
		if (tls_blocks[i].error)
			expand_file(tls_blocks[i].error, path, expected, sizeof(expected));
		CU_ASSERT_STRING_EQUAL(error.text, expected);
		CU_ASSERT_EQUAL(config == NULL, tls_blocks[i].error != NULL);
		config_destroy(config);
	}
	config_folder_destroy(&folder);
}

static const struct unit_case cases[] = {
	{"upstreams of tls:// have port 853 and a name", upstreams_of_tls_have_port_853_and_a_name},
	{"upstreams of https:// have port 443 and a name",
		upstreams_of_https_have_port_443_and_a_name},
	{"duplicates have the same transport", duplicates_have_the_same_transport},
	{"faulty upstreams are refused", faulty_upstreams_are_refused},
	{"a name has a most length", a_name_has_a_most_length},
	{"options of streams are read", options_of_streams_are_read},
	{"faulty options are refused", faulty_options_are_refused},
	{"a server name is for all upstreams of tls://", a_server_name_is_for_all_upstreams_of_tls},
	{"certificates are beside the configuration", certificates_are_beside_the_configuration},
	{"zones of tls:// have certificates", zones_of_tls_have_certificates},
	{"faulty blocks of tls:// are refused", faulty_blocks_of_tls_are_refused},
};

UNIT_MAIN("config streams", cases)
