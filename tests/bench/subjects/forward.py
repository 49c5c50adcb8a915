# SPDX-License-Identifier: BSD-3-Clause
"""Forwarded queries: their rate against the link's, and what many of them in flight cost."""
import statistics

from chart import Panel
from results import compare, summarize_beside, summarize_circulation

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


def bytes_per_query(few, many):
    """What more memory a run took that had more in flight, each at its peak."""
    return round(statistics.median(
        (result["forwarder"]["resident_bytes"] - few[number]["forwarder"]["resident_bytes"]) /
        (result["in_flight_most"] - few[number]["in_flight_most"])
        for number, result in many.items()))


def add_limits(forward, results):
    """A forwarded query is two frames in and two out, as are two packets of testpmd."""
    summary = forward["delay_0ms"]
    forward["circulation"] = summarize_circulation(results["circulation"])
    summary["limit_pps"] = summary["yardstick"]["pps"]
    summary["ratio"] = compare(
        results["forward_0ms"], results["forward_0ms_yardstick"], "qps")
    summary["limit_circulating_pps"] = forward["circulation"]["pps"]
    summary["ratio_circulating"] = round(2 * compare(
        results["forward_0ms"], results["circulation"], "qps", "pps"), 3)
    if "cycles_per_packet" in summary["yardstick"]:
        summary["ratio_cycles"] = round(
            2 * summary["yardstick"]["cycles_per_packet"] / summary["cycles_per_query"], 3)


def summarize_rounds(rounds, *keys):
    return {key: round(statistics.median(one[key] for one in rounds.values()), 3) for key in keys}


def collect(folder, results):
    if "forward_20ms" not in results:
        return None
    forward = {key: summarize_beside(results, name) for name, key in RUNS.items()}
    add_limits(forward, results)
    forward["delay_cost"] = compare(results["forward_20ms"], results["forward_0ms"], "qps")
    forward["in_flight_cost"] = compare(
        results["in_flight_1000"], results["in_flight_200000"], "qps")
    forward["bytes_per_query"] = bytes_per_query(
        results["in_flight_1000"], results["in_flight_200000"])
    forward["lines"] = {
        where: summarize_rounds(results[f"memory_lines_{where}"],
                                "bytes", "line_ns", "line_at_once_ns")
        for where in ("near", "far")}
    forward["plain"] = {
        name: summarize_rounds(results[f"plain_{name}"], "many", "few_ns", "many_ns", "cost")
        for name in ("20ms", "200000")}
    forward["delay_cost_yardstick"] = compare(
        results["forward_20ms_yardstick"], results["forward_0ms_yardstick"], "qps")
    return forward


def runs(forward):
    for key in RUNS.values():
        yield "forward " + key, forward[key]


def panels(forward):
    names = list(RUNS.values())
    yield Panel("Forwarded queries, one worker lcore", "million queries a second",
                ["0 ms", "20 ms, same rate", "1,000 in flight", "200,000 in flight"],
                {"millrace": [forward[name]["qps"] / 1e6 for name in names],
                 "testpmd in its place": [
                     forward[name]["yardstick"]["qps"] / 1e6 for name in names]})


def lines(forward):
    summary = forward["delay_0ms"]
    yield f"ratio to testpmd under the same load          {summary['ratio']:>8}"
    yield f"ratio to testpmd with frames going round      {summary['ratio_circulating']:>8}"
    if "ratio_cycles" in summary:
        yield f"ratio by cycles of the forwarder's core       {summary['ratio_cycles']:>8}"
    near, far = forward["lines"]["near"], forward["lines"]["far"]
    yield (f"a line of memory at random, of {near['bytes'] / 1e6:.1f} MB and of "
           f"{far['bytes'] / 1e6:.1f} MB: one by one {near['line_ns']} and {far['line_ns']} ns, many at "
           f"once {near['line_at_once_ns']} and {far['line_at_once_ns']} ns")
    for plain in forward["plain"].values():
        yield (f"the worker alone over plain memory: {plain['many']:.0f} in flight cost "
               f"{plain['cost']} of 1,000 ({plain['many_ns']} and {plain['few_ns']} ns a query)")
    yield f"20 ms against 0 ms, of testpmd in its place: {forward['delay_cost_yardstick']}"
