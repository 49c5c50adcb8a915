// SPDX-License-Identifier: BSD-3-Clause
// A CUnit program in one table: each unit test program names its cases and ends with UNIT_MAIN.
#pragma once

#include <CUnit/Basic.h>
#include <stdio.h>

struct unit_case {
	const char *name;
	void (*run)(void);
};

// Runs the cases as one suite; the exit status says whether any assertion failed, which
// CU_basic_run_tests() itself does not.
static inline int unit_run(const char *suite_name, const struct unit_case *cases, size_t count)
{
	CU_pSuite suite;
	int status = 1;

	if (CU_initialize_registry() != CUE_SUCCESS)
		return 1;
	suite = CU_add_suite(suite_name, NULL, NULL);
	for (size_t i = 0; suite && i < count; i++) {
		if (!CU_add_test(suite, cases[i].name, cases[i].run))
			suite = NULL;
	}
	CU_basic_set_mode(CU_BRM_VERBOSE);
	if (suite && CU_basic_run_tests() == CUE_SUCCESS && CU_get_number_of_tests_run() == count)
		status = CU_get_number_of_failures() != 0;
	CU_cleanup_registry();
	return status;
}

#define UNIT_MAIN(suite_name, cases)                                                               \
	int main(void)                                                                             \
	{                                                                                          \
		return unit_run(suite_name, cases, sizeof(cases) / sizeof((cases)[0]));            \
	}
