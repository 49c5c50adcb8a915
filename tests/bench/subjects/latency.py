# SPDX-License-Identifier: BSD-3-Clause
"""How long a forwarded query takes, its upstream apart, at half of the best rate."""
from chart import Panel
from results import summarize_beside

FLOORS = (
    ("latency at half rate: p99, us", "p99_us", 25, "most"),
    ("latency at half rate: p99.9, us", "p999_us", 100, "most"),
)


def collect(folder, results):
    if "latency" not in results:
        return None
    return summarize_beside(results, "latency")


def runs(latency):
    yield "latency", latency


def panels(latency):
    keys = ("p50_us", "p99_us", "p999_us")
    yield Panel("Latency at half rate, two passes of the forwarder", "microseconds",
                ["p50", "p99", "p99.9"],
                {"millrace": [latency[key] for key in keys],
                 "testpmd in its place": [latency["yardstick"][key] for key in keys]},
                is_logarithmic=True)
