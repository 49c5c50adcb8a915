# SPDX-License-Identifier: BSD-3-Clause
"""Forwarded queries: their rate against the link's, and what many of them in flight cost."""
import os

from results import compare, summarize

RUNS = {
    "forward_0ms": "delay_0ms",
    "forward_20ms": "delay_20ms",
    "in_flight_1000": "in_flight_1000",
    "in_flight_200000": "in_flight_200000",
}

FLOORS = (
    ("forward, 0 ms: ratio to the limit", "delay_0ms.ratio", 0.50, "least"),
    ("forward, 0 ms: lost, failed or wrong", "delay_0ms.bad", 0, "most"),
    ("forward, 20 ms: rate against 0 ms", "delay_cost", 0.85, "least"),
    ("forward, 20 ms: lost, failed or wrong", "delay_20ms.bad", 0, "most"),
    ("cost at 200,000 in flight against 1,000", "in_flight_cost", 1.25, "most"),
    ("memory of a query in flight, bytes", "bytes_per_query", 300, "most"),
)


def bytes_per_query(folder):
    """What more room for queries takes, a query."""
    resident = {}
    for queries in (1024, 262144):
        with open(os.path.join(folder, f"memory.{queries}")) as stream:
            resident[queries] = int(stream.read())
    return round((resident[262144] - resident[1024]) / (262144 - 1024))


def collect(folder, results):
    if "forward_20ms" not in results:
        return None
    forward = {key: summarize(results[name], results["limit"]) for name, key in RUNS.items()}
    forward["delay_cost"] = compare(results, "forward_20ms", "forward_0ms", "qps")
    forward["in_flight_cost"] = compare(results, "in_flight_1000", "in_flight_200000", "qps")
    forward["bytes_per_query"] = bytes_per_query(folder)
    return forward


def runs(forward):
    for key in RUNS.values():
        yield "forward " + key, forward[key]
