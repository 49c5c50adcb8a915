// SPDX-License-Identifier: BSD-3-Clause
// usage: replay [--fails-at LINE] SCENARIO
//
// Runs a scenario with a scripted clock against lib/forward (README.md beside this file). Exits 0
// if all went as written, else 1 with "FILE:LINE: what was different". With --fails-at, exits 0
// only if the first difference is at that line: so the scenarios of failing/ prove that there is
// something to fail.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "driver.h"

static int run(const char *file, unsigned long fails_at)
{
	struct scenario scenario;
	int status = 1;

	if (scenario_read(&scenario, file) == 0)
		status = driver_run(&scenario);
	if (fails_at)
		status = scenario.failed_line != fails_at;
	scenario_free(&scenario);
	return status;
}

int main(int argument_count, char *arguments[])
{
	if (argument_count == 2)
		return run(arguments[1], 0);
	if (argument_count == 4 && strcmp(arguments[1], "--fails-at") == 0)
		return run(arguments[3], strtoul(arguments[2], NULL, 10));
	fprintf(stderr, "usage: %s [--fails-at LINE] SCENARIO\n", arguments[0]);
	return 2;
}
