# SPDX-License-Identifier: BSD-3-Clause
"""What the subjects of the benchmark share: windows of many runs, made into one figure each.

usage: results.py FOLDER NAME ROUND    prints the queries a second of a run, a whole number

A run of the generator has several windows, each with its own rate, losses and latencies. A window
is disturbed when the generator's core was away for longer than half of what the rings last: then
the machine is measured, not the forwarder. Figures are medians of the windows that are not, if
there are any; nothing is left out of the JSON, and losses of the others stand beside.
"""
import json
import os
import re
import statistics
import sys

PAUSE_MOST_US = 400
# Below this share of its time without work, the generator may be what bounds a rate.
IDLE_LEAST = 0.05
# Of a rate that is set, at least; below it, something could not keep up.
RATE_KEPT = 0.98

MEDIANS = ("qps", "pps", "p50_us", "p90_us", "p99_us", "p999_us", "max_us", "in_flight",
           "idle_share", "longest_pause_us", "paused_us")
SUMS = ("sent", "answered", "failed", "wrong", "lost", "late", "held_back", "stolen_ms")


def is_disturbed(window):
    return window["longest_pause_us"] > PAUSE_MOST_US


def read_testpmd(text):
    """What testpmd says when it is told to stop: the first counts are those of the port."""
    counts = {}
    for key, pattern in (("received", r"RX-packets: *(\d+)"), ("sent", r"TX-packets: *(\d+)"),
                         ("tx_dropped", r"TX-dropped: *(\d+)"),
                         ("cycles_per_packet", r"cycles/packet=([\d.]+)")):
        match = re.search(pattern, text)
        if match:
            counts[key] = float(match[1]) if "." in match[1] else int(match[1])
    return counts


def read_millrace(answers):
    """Its counters that are not 0, and what its port missed."""
    counts = {key: value for key, value in answers["/millrace/stats"].items() if value}
    port = answers.get("/millrace/ports", {})
    counts.update({"port_" + key: port[key] for key in
                   ("rx_missed", "rx_errors", "rx_no_buffer", "tx_errors") if port.get(key)})
    for key, value in answers.get("/millrace/upstreams", {}).items():
        name = key.split("/")[-1]
        if name.startswith("failed_") and value:
            counts[name] = counts.get(name, 0) + value
    return counts


def read_forwarder(path):
    """What the forwarder of a run counted itself, from the files beside its result."""
    if os.path.exists(path + ".counters.log"):
        with open(path + ".counters.log") as stream:
            return read_testpmd(stream.read())
    if os.path.exists(path + ".counters"):
        with open(path + ".counters") as stream:
            counts = read_millrace(json.load(stream))
        with open(path + ".counters.memory") as stream:
            counts["resident_bytes"] = int(stream.read())
        return counts
    return {}


def read_result(folder, file):
    path = os.path.join(folder, file)
    with open(path) as stream:
        result = json.load(stream)
    if "windows" in result:
        result["forwarder"] = read_forwarder(path.removesuffix(".json"))
    return result


def read_results(folder):
    """{name: {round: result}} of every NAME.ROUND.json."""
    results = {}
    for file in os.listdir(folder):
        match = re.fullmatch(r"(\w+)\.(\d+)\.json", file)
        if match:
            results.setdefault(match[1], {})[int(match[2])] = read_result(folder, file)
    return {name: dict(sorted(rounds.items())) for name, rounds in results.items()}


def windows_that_count(windows):
    return [one for one in windows if not is_disturbed(one)] or windows


def all_windows(rounds):
    return [window for result in rounds.values() for window in result["windows"]]


def round_value(result, key):
    """The median over the windows of a run."""
    return statistics.median(one[key] for one in windows_that_count(result["windows"]))


def count_bad(windows):
    return sum(one["lost"] + one["wrong"] + one["failed"] for one in windows)


def add_medians(summary, windows, rate):
    for key in MEDIANS:
        if key in windows[0]:
            summary[key] = round(statistics.median(one[key] for one in windows), 3)
    summary[rate] = round(summary[rate])
    summary[rate + "_least"] = min(one[rate] for one in windows)
    summary[rate + "_most"] = max(one[rate] for one in windows)


def add_losses(summary, every, kept):
    others = [one for one in every if is_disturbed(one)]
    for key in SUMS:
        if key in kept[0]:
            summary[key] = sum(one[key] for one in kept)
    if "lost" in kept[0]:
        summary["bad"] = count_bad(kept)
        summary["bad_disturbed"] = count_bad(others)
    summary["windows"] = len(every)
    summary["windows_disturbed"] = len(others)


def summarize_any(rounds, rate):
    every = all_windows(rounds)
    kept = windows_that_count(every)
    summary = {}
    add_medians(summary, kept, rate)
    add_losses(summary, every, kept)
    wanted = next(iter(rounds.values()))["rate"]
    summary["generator_bound"] = summary["idle_share"] < IDLE_LEAST and (
        not wanted or summary[rate] < RATE_KEPT * wanted)
    summary["rounds"] = [
        {"round": number, "forwarder": result["forwarder"],
         "upstream_strange": result["upstream_strange"],
         "upstream_overflow": result["upstream_overflow"],
         **{"all_" + key: result[key] for key in ("p50_us", "p99_us", "p999_us", "max_us")
            if "qps" in result["windows"][0]},
         "windows": [dict(one, disturbed=is_disturbed(one)) for one in result["windows"]]}
        for number, result in rounds.items()]
    return summary


def counted(rounds, key):
    """The sum of a counter of the forwarder over the rounds."""
    return sum(result["forwarder"].get(key, 0) for result in rounds.values())


def add_cycles(summary, rounds):
    """Of the worker's core, for each query that it answered. The time that a hypervisor takes
    counts as the worker's."""
    hertz = next(iter(rounds.values()))["cycles_per_second"]
    busy = counted(rounds, "busy_nanoseconds")
    answered = sum(counted(rounds, "query_" + how)
                   for how in ("answered", "cached", "coalesced"))
    if busy and answered:
        summary["cycles_per_query"] = round(busy / 1e9 * hertz / answered)
        summary["cycles_are"] = "of the worker's turns that found frames"
        summary["forwarder_busy_share"] = round(
            summary["cycles_per_query"] * summary["qps"] / hertz, 3)
        summary["frames_a_turn"] = round(
            counted(rounds, "frames_received") / counted(rounds, "busy_polls"), 1)
    else:
        summary["cycles_per_query"] = round(hertz / summary["qps"])
        summary["cycles_are"] = "all of the worker's core, idle or not"


def summarize(rounds):
    """A run against millrace."""
    summary = summarize_any(rounds, "qps")
    add_cycles(summary, rounds)
    summary["forwarder_dropped"] = counted(rounds, "nic_tx_dropped")
    return summary


def add_testpmd(summary, rounds):
    cycles = [result["forwarder"]["cycles_per_packet"] for result in rounds.values()
              if "cycles_per_packet" in result["forwarder"]]
    summary["forwarder_dropped"] = counted(rounds, "tx_dropped")
    if cycles:
        summary["cycles_per_packet"] = statistics.median(cycles)
        hertz = next(iter(rounds.values()))["cycles_per_second"]
        summary["forwarder_busy_share"] = round(
            summary["cycles_per_packet"] * summary["pps"] / hertz, 3)


def summarize_yardstick(rounds):
    """dpdk-testpmd in millrace's place. A query is two packets of it, each in and out."""
    summary = summarize_any(rounds, "qps")
    summary["pps"] = 2 * summary["qps"]
    add_testpmd(summary, rounds)
    return summary


def summarize_circulation(rounds):
    """dpdk-testpmd and frames that go round and round."""
    summary = summarize_any(rounds, "pps")
    add_testpmd(summary, rounds)
    return summary


def summarize_beside(results, name):
    """A run and, under `yardstick`, what testpmd made of the same load."""
    summary = summarize(results[name])
    if name + "_yardstick" in results:
        summary["yardstick"] = summarize_yardstick(results[name + "_yardstick"])
    return summary


def compare(numerators, denominators, key, other_key=None):
    """The median over the rounds of one run against another of the same round, since the machine
    changes from one to the next."""
    return round(statistics.median(
        round_value(result, key) / round_value(denominators[number], other_key or key)
        for number, result in numerators.items()), 3)


if __name__ == "__main__":
    if len(sys.argv) != 4:
        sys.exit(__doc__)
    print(round(round_value(read_results(sys.argv[1])[sys.argv[2]][int(sys.argv[3])], "qps")))
