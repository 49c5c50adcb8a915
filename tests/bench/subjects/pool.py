# SPDX-License-Identifier: BSD-3-Clause
"""What taking a connection and giving it back costs one lcore, and each of two."""
import statistics

FLOORS = (
    ("pool: take and give back, ns", "one.alone_ns", 20, "most"),
    ("pool: the same on two lcores, ns", "two.alone_ns", 20, "most"),
    ("pool: with the sweep against without", "one.paced_cost", 1.10, "most"),
    ("pool: the same on two lcores", "two.paced_cost", 1.10, "most"),
    ("pool: with a sweep that never pauses", "one.unpaused_cost", 1.10, "most"),
)


def collect(folder, results):
    if "pool" not in results:
        return None
    rounds = list(results["pool"].values())
    return {lcores: {key: round(statistics.median(one[lcores][key] for one in rounds), 3)
                     for key in rounds[0][lcores]}
            for lcores in ("one", "two")}
