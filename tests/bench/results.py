# SPDX-License-Identifier: BSD-3-Clause
"""What the subjects of the benchmark share: results of many runs, made into one figure each."""
import json
import os
import re
import statistics

KEPT = ("sent", "answered", "failed", "p50_us", "p90_us", "p99_us", "p999_us", "max_us",
        "in_flight", "idle_share", "longest_pause_us")

# Half of what the rings between the two processes hold at two million frames a second.
PAUSE_MOST_US = 250


def read_results(folder):
    """{name: {round: result}} of every NAME.ROUND.json."""
    results = {}
    for file in os.listdir(folder):
        match = re.fullmatch(r"(\w+)\.(\d+)\.json", file)
        if not match:
            continue
        with open(os.path.join(folder, file)) as stream:
            result = json.load(stream)
        results.setdefault(match[1], {})[int(match[2])] = result
    return results


def middle(values, key):
    values = sorted(values, key=key)
    return values[len(values) // 2]


def undisturbed(rounds):
    """The rounds in which the generator had its core all the time; without any, all of them."""
    kept = {number: one for number, one in rounds.items()
            if one["longest_pause_us"] <= PAUSE_MOST_US}
    return kept or rounds


def summarize(rounds, limits):
    """The run of the middle rate, with the losses of all of them and its yardstick."""
    measured = len(rounds)
    rounds = undisturbed(rounds)
    result = middle(rounds.values(), lambda one: one["qps"])
    summary = {key: result[key] for key in ("qps",) + KEPT}
    summary["rounds"] = measured
    summary["rounds_disturbed"] = sum(
        one["longest_pause_us"] > PAUSE_MOST_US for one in rounds.values()) or (
            measured - len(rounds))
    summary["lost"] = sum(one["lost"] for one in rounds.values())
    summary["wrong"] = sum(one["wrong"] for one in rounds.values())
    summary["bad"] = sum(
        one["lost"] + one["wrong"] + one["failed"] for one in rounds.values())
    summary["cycles_per_query"] = round(result["cycles_per_second"] / result["qps"])
    summary["qps_least"] = min(one["qps"] for one in rounds.values())
    summary["qps_most"] = max(one["qps"] for one in rounds.values())
    if limits:
        summary["limit_pps"] = middle(limits.values(), lambda one: one["pps"])["pps"]
        # A forwarded query is two frames in and two out, one in the yardstick one.
        summary["ratio"] = round(statistics.median(
            2 * one["qps"] / limits[number]["pps"] for number, one in rounds.items()), 3)
    return summary


def compare(results, numerator, denominator, key):
    """The median over the rounds of one result against another of the same round."""
    return round(statistics.median(
        results[numerator][number][key] / results[denominator][number][key]
        for number in results[numerator]), 3)
