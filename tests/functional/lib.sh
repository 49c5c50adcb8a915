# shellcheck shell=bash
# SPDX-License-Identifier: BSD-3-Clause
# What the functional tests share, on top of scripts/lib.sh. To be sourced, not run.

# shellcheck source=scripts/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../../scripts/lib.sh"

fail() {
	printf 'FAIL: %s\n' "$*" >&2
	exit 1
}
