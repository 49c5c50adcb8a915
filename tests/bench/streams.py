# SPDX-License-Identifier: BSD-3-Clause
"""What the subjects tcp and dot make of dnsperf's words (streams.sh says how they are measured)."""
import os
import re
import statistics

from chart import Panel

PEERS = ("millrace", "dnsdist")

PATTERNS = {
    "qps": r"Queries per second: +([\d.]+)",
    "answered": r"Queries completed: +(\d+)",
    "good": r"NOERROR (\d+)",
    "lost": r"Queries lost: +(\d+)",
    "average_s": r"Average Latency \(s\): +([\d.]+)",
    "reconnections": r"Reconnections: +(\d+)",
    "cpu_ns": r"CPU nanoseconds: +(\d+)",
}


UPSTREAM_PATTERNS = {
    "cpu_ns": PATTERNS["cpu_ns"],
    "queries": r"queries (\d+)",
    "connections": r"accepted (\d+)",
    "stolen_ms": r"stolen milliseconds: (\d+)",
    "took_ms": r"stolen milliseconds: \d+ of (\d+)",
}

# Of the time of the two cores, what the hypervisor may take of a round that counts.
STOLEN_MOST = 0.1
CORES = 2


# What bench/handshakes says: a line for each second, and one for all.
HANDSHAKES_OF_SECOND = re.compile(r"^second \d+: made (\d+) failed (\d+)$", re.MULTILINE)


def read_rounds(folder, subject, peer, patterns=None):
    names = sorted(name for name in os.listdir(folder)
                   if re.fullmatch(rf"{subject}_{peer}\.\d+\.txt", name))
    rounds = []
    for name in names:
        with open(os.path.join(folder, name)) as stream:
            text = stream.read()
        rounds.append({key: float((re.search(pattern, text) or (0, 0))[1])
                       for key, pattern in (patterns or PATTERNS).items()})
    return rounds


def summarize(rounds):
    """Medians over the rounds, losses of all of them together."""
    rates = [one["qps"] for one in rounds]
    return {"qps": round(statistics.median(rates)), "qps_least": round(min(rates)),
            "qps_most": round(max(rates)),
            "average_us": round(1e6 * statistics.median(one["average_s"] for one in rounds)),
            "cpu_ns_per_query": round(statistics.median(
                one["cpu_ns"] / one["answered"] for one in rounds)),
            "lost": round(sum(one["lost"] for one in rounds)),
            "failed": round(sum(one["answered"] - one["good"] for one in rounds)),
            "reconnections": round(sum(one["reconnections"] for one in rounds))}


def ratio(rounds, value):
    """millrace's against dnsdist's, the median over the rounds."""
    return round(statistics.median(
        value(ours) / value(theirs)
        for ours, theirs in zip(rounds["millrace"], rounds["dnsdist"])), 3)


def collect(folder, subject):
    rounds = {peer: read_rounds(folder, subject, peer) for peer in PEERS}
    if not all(rounds.values()):
        return None
    figures = {peer: summarize(rounds[peer]) for peer in PEERS}
    figures["qps_ratio"] = ratio(rounds, lambda one: one["qps"])
    figures["cpu_ratio"] = ratio(rounds, lambda one: one["cpu_ns"] / one["answered"])
    return figures


def bad(load):
    return load["lost"] + load["wrong"] + load["failed"]


def is_disturbed(one):
    return one["stolen_ms"] > STOLEN_MOST * CORES * one["took_ms"]


def choose_pairs(rounds):
    """Pairs of which neither is disturbed, if there are any. With more in flight both cores are busier,
    and more is taken from them."""
    pairs = list(zip(rounds["64"], rounds["1"]))
    return [pair for pair in pairs if not any(map(is_disturbed, pair))] or pairs


def collect_upstream(folder, results, subject):
    """By queries in flight a connection; `connections` are all that the upstream accepted, and CPU
    time is that of the core with the streams, for each query that the upstream saw."""
    rounds = {}
    for in_flight in ("64", "1"):
        loads = results.get(f"{subject}_{in_flight}")
        if not loads:
            return None
        rounds[in_flight] = [
            {"qps": load["qps"], "bad": bad(load),
             "p99_us": load["p99_us"], "connections": one["connections"],
             "cpu_ns_per_query": one["cpu_ns"] / max(one["queries"], 1),
             "stolen_ms": one["stolen_ms"], "took_ms": one["took_ms"]}
            for load, one in zip(loads.values(),
                                 read_rounds(folder, subject, in_flight, UPSTREAM_PATTERNS))]
    pairs = choose_pairs(rounds)
    figures = {}
    for in_flight, of_them in (("64", [many for many, _ in pairs]), ("1", [one for _, one in pairs])):
        summary = {key: round(statistics.median(one[key] for one in of_them))
                   for key in ("qps", "p99_us", "connections", "cpu_ns_per_query", "stolen_ms")}
        # Nothing is left out of what was lost.
        summary["bad"] = sum(one["bad"] for one in rounds[in_flight])
        figures[f"in_flight_{in_flight}"] = summary
    for key in ("qps", "connections", "cpu_ns_per_query"):
        figures[key + "_ratio"] = round(statistics.median(
            many[key] / max(one[key], 1) for many, one in pairs), 3)
    figures["rounds_counted"] = len(pairs)
    figures["rounds"] = rounds
    return figures


def summarize_handshakes(folder, subject, where, loads):
    """Of datagrams, and the handshakes made and failed meanwhile, by second. What was late and is made
    once the datagrams are over does not count."""
    summary = {key: round(statistics.median(one[key] for one in loads.values()))
               for key in ("qps", "p50_us", "p99_us", "p999_us")}
    summary["bad"] = sum(bad(one) for one in loads.values())
    seconds = []
    for number, load in loads.items():
        path = os.path.join(folder, f"{subject}_{where}.{number}.txt")
        if os.path.exists(path):
            with open(path) as stream:
                seconds += [{"made": int(made), "failed": int(failed)} for made, failed in
                            HANDSHAKES_OF_SECOND.findall(stream.read())[:round(load["seconds"])]]
    summary["handshakes_by_second"] = seconds
    summary["handshakes_failed"] = sum(one["failed"] for one in seconds)
    summary["handshakes"] = round(statistics.median(one["made"] for one in seconds)) if seconds else 0
    return summary


def collect_handshakes(folder, results, subject):
    """The share that is millrace's own: as many handshakes at another server on the same core are
    what it is compared with."""
    rounds = {where: results.get(f"{subject}_{where}")
              for where in ("nowhere", "elsewhere", "here")}
    if not all(rounds.values()):
        return None
    figures = {where: summarize_handshakes(folder, subject, where, rounds[where])
               for where in rounds}
    for name, where in (("p99_ratio", "elsewhere"), ("p99_ratio_to_none", "nowhere")):
        figures[name] = round(statistics.median(
            one["p99_us"] / rounds[where][number]["p99_us"]
            for number, one in rounds["here"].items()), 3)
    return figures


def lines(subject, figures):
    yield (f"{subject}: 100 connections of dnsperf, answers from the cache. millrace against dnsdist: "
           f"qps {figures['qps_ratio']}, CPU a query {figures['cpu_ratio']}")
    yield f"{'':26}{'cpu ns':>11}{'its mean us':>13}{'reconnected':>13}"
    for peer in PEERS:
        one = figures[peer]
        yield (f"{peer:26}{one['cpu_ns_per_query']:>11}{one['average_us']:>13}"
               f"{one['reconnections']:>13}")


def panels(title, figures):
    yield Panel(title, "thousand queries a second", list(PEERS),
                {"at most": [figures[peer]["qps"] / 1e3 for peer in PEERS]})
