# SPDX-License-Identifier: BSD-3-Clause
"""How long a forwarded query takes, its upstream apart, at half of the best rate."""
import statistics

from chart import Panel
from results import all_windows, summarize_beside, windows_that_count

FLOORS = (
    ("latency at half rate: p99, us", "p99_us", 25, "most"),
    ("latency at half rate: p99.9, us", "p999_us", 100, "most"),
)


def summarize_cores(rounds):
    """Numbers that go between the two cores at the same rate, with nothing done to them."""
    windows = windows_that_count(all_windows(rounds))
    return {key: round(statistics.median(one[key] for one in windows), 3)
            for key in ("p50_us", "p99_us", "p999_us", "max_us", "longest_pause_us")}


def collect(folder, results):
    if "latency" not in results:
        return None
    latency = summarize_beside(results, "latency")
    latency["cores"] = summarize_cores(results["latency_cores"])
    return latency


def runs(latency):
    yield "latency", latency


def lines(latency):
    cores = latency["cores"]
    yield (f"numbers between the two cores at that rate, nothing done to them: p50 "
           f"{cores['p50_us']} us, p99 {cores['p99_us']}, p99.9 {cores['p999_us']}")


def panels(latency):
    keys = ("p50_us", "p99_us", "p999_us")
    yield Panel("Latency at half rate, two passes of the forwarder", "microseconds",
                ["p50", "p99", "p99.9"],
                {"millrace": [latency[key] for key in keys],
                 "testpmd in its place": [latency["yardstick"][key] for key in keys],
                 "the two cores alone": [latency["cores"][key] for key in keys]},
                is_logarithmic=True)
