// SPDX-License-Identifier: BSD-3-Clause
// Memory that runs out at each allocation in turn: every reading ends in an error or in a whole
// configuration, and gives back what it took (which the leak checker sees).
#include "config_text.h"

#include <stdlib.h>

// The linker puts these in the place of the library's calls.
void *__wrap_calloc(size_t count, size_t size);
void *__real_calloc(size_t count, size_t size);
void *__wrap_malloc(size_t size);
void *__real_malloc(size_t size);

// Allocations that still succeed; none fails while it is negative.
static int allocations_left = -1;

static bool allocation_fails(void)
{
	if (allocations_left < 0)
		return false;
	return allocations_left == 0 || allocations_left-- == 0;
}

void *__wrap_calloc(size_t count, size_t size)
{
	return allocation_fails() ? NULL : __real_calloc(count, size);
}

void *__wrap_malloc(size_t size)
{
	return allocation_fails() ? NULL : __real_malloc(size);
}

// Each `except` takes 128 names, so that chunks fill up in the middle of every kind of work.
static const char text[] = "(s) {\nexcept 10.0.0.0/9 11.0.0.0/9 12.0.0.0/9\n}\n"
			   "0.0.0.0/1 {\nbind 192.0.2.1 192.0.2.2 192.0.2.3\n"
			   "forward 128.0.0.0/1 192.0.2.1 192.0.2.2 192.0.2.3 {\nimport s\n}\n"
			   "forward . 192.0.2.1 {\nimport s\nmax_age 1h\n}\n}\n"
			   "128.0.0.0/1 {\nforward . 192.0.2.1\n}\n";

static void memory_that_runs_out_is_an_error(void)
{
	struct config_error error;
	struct config *config = NULL;
	int allocations = 0;

	for (; !config && allocations < 1000; allocations++) {
		error.text[0] = '\0';
		allocations_left = allocations;
		config = config_read_text("Corefile", text, &error);
		allocations_left = -1;
		if (config)
			break;
		CU_ASSERT_EQUAL(strncmp(error.text, "Corefile:", 9), 0);
		CU_ASSERT_PTR_NOT_NULL(strstr(error.text, ": Cannot allocate memory"));
	}
	CU_ASSERT_TRUE(allocations > 10);
	CU_ASSERT_PTR_NOT_NULL(config);
	config_destroy(config);
}

static void memory_that_runs_out_for_a_file_is_an_error(void)
{
	struct config_error error;
	struct config *config = NULL;
	int allocations = 0;

	for (; !config && allocations < 1000; allocations++) {
		error.text[0] = '\0';
		allocations_left = allocations;
		config = config_read_file(SOURCE_FOLDER "/app/millrace.conf", &error);
		allocations_left = -1;
		if (!config)
			CU_ASSERT_PTR_NOT_NULL(strstr(error.text, ": Cannot allocate memory"));
	}
	CU_ASSERT_TRUE(allocations > 3);
	CU_ASSERT_PTR_NOT_NULL(config);
	config_destroy(config);
}

static const struct unit_case cases[] = {
	{"memory that runs out is an error", memory_that_runs_out_is_an_error},
	{"memory that runs out for a file is an error",
		memory_that_runs_out_for_a_file_is_an_error},
};

UNIT_MAIN("config memory", cases)
