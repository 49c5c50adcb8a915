# SPDX-License-Identifier: BSD-3-Clause
"""usage: figures.py collect FOLDER | table FILE | check FILE | chart FILE PNG

Makes one JSON file of the results of many runs, and a table, a verdict or a chart of that.
A result is NAME.ROUND.json; the one of the round in the middle stands for all of them.
"""
import json
import os
import platform
import re
import statistics
import subprocess
import sys

FORWARD = {
    "forward_0ms": "delay_0ms",
    "forward_20ms": "delay_20ms",
    "in_flight_1000": "in_flight_1000",
    "in_flight_200000": "in_flight_200000",
}
KEPT = ("sent", "answered", "failed", "p50_us", "p90_us", "p99_us", "p999_us", "max_us",
        "in_flight", "idle_share", "longest_pause_us")

# What, where it stands, the bound, and whether it is the least or the most.
FLOORS = (
    ("forward, 0 ms: ratio to the limit", "forward.delay_0ms.ratio", 0.50, "least"),
    ("forward, 0 ms: lost, failed or wrong", "forward.delay_0ms.bad", 0, "most"),
    ("forward, 20 ms: rate against 0 ms", "forward.delay_cost", 0.85, "least"),
    ("forward, 20 ms: lost, failed or wrong", "forward.delay_20ms.bad", 0, "most"),
    ("cost at 200,000 in flight against 1,000", "forward.in_flight_cost", 1.25, "most"),
    ("two workers against one", "scale.speedup", 1.9, "least"),
    ("latency at half rate: p99, us", "latency.p99_us", 25, "most"),
    ("latency at half rate: p99.9, us", "latency.p999_us", 100, "most"),
    ("pool: take and give back, ns", "pool.alone_ns", 20, "most"),
    ("pool: with the sweep against without", "pool.sweep_cost", 1.10, "most"),
    ("peers: qps against the best of them", "peers.qps_ratio", 3, "least"),
    ("peers: p99 against the best of them", "peers.p99_ratio", 1, "most"),
    ("memory of a query in flight, bytes", "forward.bytes_per_query", 300, "most"),
)


def read_results(folder):
    """{name: {round: result}}"""
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


# Half of what the rings between the two processes hold at two million frames a second.
PAUSE_MOST_US = 250


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


def collect_forward(results):
    limits = results.get("limit")
    forward = {key: summarize(results[name], limits)
               for name, key in FORWARD.items() if name in results}
    if "forward_20ms" in results:
        forward["delay_cost"] = compare(results, "forward_20ms", "forward_0ms", "qps")
    if "in_flight_200000" in results:
        forward["in_flight_cost"] = compare(
            results, "in_flight_1000", "in_flight_200000", "qps")
    return forward


def bytes_per_query(folder):
    """What more room for queries takes, a query."""
    resident = {}
    for queries in (1024, 262144):
        with open(os.path.join(folder, f"memory.{queries}")) as stream:
            resident[queries] = int(stream.read())
    return round((resident[262144] - resident[1024]) / (262144 - 1024))


def collect_pool(rounds):
    pool = {key: round(min(one[key] for one in rounds.values()), 1)
            for key in ("alone_ns", "swept_ns")}
    pool["sweep_cost"] = round(statistics.median(
        one["swept_ns"] / one["alone_ns"] for one in rounds.values()), 3)
    return pool


def processor():
    with open("/proc/cpuinfo") as stream:
        match = re.search(r"^model name\s*: (.*)$", stream.read(), re.MULTILINE)
    return match[1] if match else platform.machine()


def collect(folder):
    results = read_results(folder)
    figures = {"machine": {"processor": processor(), "cpus": os.cpu_count(),
                           "kernel": platform.release()}}
    if "limit" in results or "forward_0ms" in results:
        figures["forward"] = collect_forward(results)
    if os.path.exists(os.path.join(folder, "memory.262144")):
        figures["forward"]["bytes_per_query"] = bytes_per_query(folder)
    if "latency" in results:
        figures["latency"] = summarize(results["latency"], None)
    if "pool" in results:
        figures["pool"] = collect_pool(results["pool"])
    json.dump(figures, sys.stdout, indent=2)
    print()


def load(file):
    with open(file) as stream:
        return json.load(stream)


def runs(figures):
    """(title, summary) of everything that has a rate."""
    for key, summary in figures.get("forward", {}).items():
        if isinstance(summary, dict):
            yield "forward " + key, summary
    if "latency" in figures:
        yield "latency", figures["latency"]


def table(file):
    figures = load(file)
    columns = (("qps", "qps"), ("least", "qps_least"), ("most", "qps_most"),
               ("ratio", "ratio"), ("cycles", "cycles_per_query"), ("lost", "lost"),
               ("wrong", "wrong"), ("p50 us", "p50_us"), ("p99 us", "p99_us"),
               ("p99.9 us", "p999_us"), ("in flight", "in_flight"),
               ("pause us", "longest_pause_us"), ("disturbed", "rounds_disturbed"))
    print(f"{'':26}" + "".join(f"{title:>11}" for title, _ in columns))
    for title, summary in runs(figures):
        print(f"{title:26}" + "".join(f"{summary.get(key, '-'):>11}" for _, key in columns))
    print()
    for text, path, _, _ in FLOORS:
        value = find(figures, path)
        if value is not None:
            print(f"{text:44}{value:>11}")


def find(figures, path):
    for key in path.split("."):
        if not isinstance(figures, dict) or key not in figures:
            return None
        figures = figures[key]
    return figures


def check(file):
    """Prints each figure beside its floor. 1 where one falls short or was not measured."""
    figures = load(file)
    status = 0
    for text, path, bound, side in FLOORS:
        value = find(figures, path)
        if value is None:
            verdict = "not measured"
        elif value >= bound if side == "least" else value <= bound:
            verdict = "ok"
        else:
            verdict = "falls short"
        if verdict != "ok":
            status = 1
        shown = "-" if value is None else value
        print(f"{text:44}{shown:>11}   at {side} {bound:<7}{verdict}")
    return status


def chart(file, png):
    """Rates of the runs as bars, the half of the limit as a line."""
    rows = [(title.replace(" ", "\\n").replace("_", " "), summary) for title, summary in runs(load(file))]
    limits = [summary["limit_pps"] / 4 for _, summary in rows if "limit_pps" in summary]
    data = "".join(f'"{title}" {summary["qps"] / 1e6} {summary["qps_least"] / 1e6} '
                   f'{summary["qps_most"] / 1e6}\n' for title, summary in rows)
    floor = f", {limits[0] / 1e6} title 'half of what testpmd turns' lw 2" if limits else ""
    commands = f"""set terminal pngcairo size 900,500
set output '{png}'
set ylabel 'million queries a second, one worker lcore'
set yrange [0:*]
set style fill solid 0.7
set grid y
set bmargin 3.5
$rates << END
{data}END
plot $rates using 0:2:3:4:(0.6):xtic(1) with boxerrorbars title 'millrace (median, least, most)'{floor}
"""
    subprocess.run(["gnuplot"], input=commands, text=True, check=True)


def main(arguments):
    if len(arguments) == 2 and arguments[0] == "collect":
        return collect(arguments[1])
    if len(arguments) == 2 and arguments[0] == "table":
        return table(arguments[1])
    if len(arguments) == 2 and arguments[0] == "check":
        return check(arguments[1])
    if len(arguments) == 3 and arguments[0] == "chart":
        return chart(arguments[1], arguments[2])
    print(__doc__, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
