# SPDX-License-Identifier: BSD-3-Clause
"""What taking a connection and giving it back costs."""
import statistics

FLOORS = (
    ("pool: take and give back, ns", "alone_ns", 20, "most"),
    ("pool: with the sweep against without", "sweep_cost", 1.10, "most"),
)


def collect(folder, results):
    if "pool" not in results:
        return None
    rounds = results["pool"].values()
    pool = {key: round(min(one[key] for one in rounds), 1) for key in ("alone_ns", "swept_ns")}
    pool["sweep_cost"] = round(statistics.median(
        one["swept_ns"] / one["alone_ns"] for one in rounds), 3)
    return pool
