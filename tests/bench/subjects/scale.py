# SPDX-License-Identifier: BSD-3-Clause
"""What a second worker lcore adds."""
import statistics

from chart import Panel

FLOORS = (
    ("two workers against one", "speedup", 1.9, "least"),
    ("shared lines written a query", "shared_lines_written_per_query", 0, "most"),
)


def collect(folder, results):
    if "scale" not in results:
        return None
    rounds = list(results["scale"].values())
    scale = {key: round(statistics.median(one[key] for one in rounds), 3) for key in rounds[0]}
    for key in ("stores_per_query", "shared_lines_written_per_query"):
        scale[key] = results["shared_lines"][1][key]
    return scale


def lines(scale):
    yield (f"scale: {scale['one'] / 1e6:.2f} million queries a second of one worker, "
           f"{scale['two'] / 1e6:.2f} of two: {scale['speedup']:.2f} x")
    yield (f"       the same CPUs on their own memory {scale['speedup_yardstick']:.2f} x, "
           f"in registers {scale['speedup_registers']:.2f} x")


def panels(scale):
    yield Panel("Worker lcores, with clients and upstreams of their own in plain memory",
                "million queries a second", ["one", "two"],
                {"millrace": [scale["one"] / 1e6, scale["two"] / 1e6]})
