// SPDX-License-Identifier: BSD-3-Clause
// The middle of what was measured, which the machine's worst moments do not move.
#pragma once

#include <stdint.h>
#include <stdlib.h>

static inline int median_compare(const void *a, const void *b)
{
	double left = *(const double *)a;
	double right = *(const double *)b;

	return (left > right) - (left < right);
}

// Sorts them.
static inline double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), median_compare);
	return values[count / 2];
}
