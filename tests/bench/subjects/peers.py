# SPDX-License-Identifier: BSD-3-Clause
"""millrace beside other forwarders on a veth pair, one core each."""
import os
import re
import statistics

from chart import Panel

PEERS = ("millrace", "dnsdist", "unbound", "knot_resolver", "bind")

FLOORS = (
    ("peers: qps against the best of them", "qps_ratio", 3, "least"),
    ("peers: p99 against the best of them", "p99_ratio", 1, "most"),
    ("peers: millrace lost, failed or wrong", "millrace.bad", 0, "most"),
    ("peers, hits: qps against the best of them", "hits.qps_ratio", 2, "least"),
    ("peers, hits: p99 against the best of them", "hits.p99_ratio", 1, "most"),
    ("peers, hits: millrace lost, failed or wrong", "hits.millrace.bad", 0, "most"),
)

DNSPERF = {
    "sent": r"Queries sent: +(\d+)",
    "lost": r"Queries lost: +(\d+)",
    "qps": r"Queries per second: +([\d.]+)",
    "average_s": r"Average Latency \(s\): +([\d.]+)",
}


def read(folder, name):
    with open(os.path.join(folder, name)) as stream:
        return stream.read()


def dnsperf_rounds(folder, peer):
    names = [name for name in sorted(os.listdir(folder))
             if re.fullmatch(rf"dnsperf_{peer}\.\d+", name)]
    texts = [read(folder, name) for name in names]
    return [{key: float(re.search(pattern, text)[1]) for key, pattern in DNSPERF.items()}
            for text in texts]


def counted(folder, kind, number, key):
    """By millrace, within a run."""
    before, after = (
        int(re.search(rf'"{key}": (\d+)', read(folder, f"counters_{kind}_{when}.{number}"))[1])
        for when in ("before", "after"))
    return after - before


def busy_polls_only(folder, kind, number, result):
    """millrace's core is always busy: what counts are the turns of its loop that found frames."""
    spent = counted(folder, kind, number, "busy_nanoseconds")
    answered = sum(counted(folder, kind, number, key)
                   for key in ("query_answered", "query_cached", "query_coalesced"))
    each = spent / answered
    return {**result, "cpu_ns_per_query": each, "forwarder_busy": each * result["qps"] / 1e9}


def median(rounds, key):
    return round(statistics.median(one[key] for one in rounds))


def summarize_dnsperf(rounds):
    return {"qps": median(rounds, "qps"),
            "lost": round(sum(one["lost"] for one in rounds)),
            "average_us": round(1e6 * statistics.median(one["average_s"] for one in rounds))}


def summarize(folder, peer, rounds):
    """Medians over the rounds, losses of all of them together."""
    summary = {key: median(rounds, key)
               for key in ("qps", "p50_us", "p99_us", "p999_us", "cpu_ns_per_query")}
    summary["qps_least"] = min(one["qps"] for one in rounds)
    summary["qps_most"] = max(one["qps"] for one in rounds)
    for key in ("lost", "wrong", "failed", "answered"):
        summary[key] = sum(one[key] for one in rounds)
    summary["bad"] = summary["lost"] + summary["wrong"] + summary["failed"]
    for key in ("forwarder_busy", "load_busy"):
        summary[key] = round(statistics.median(one[key] for one in rounds), 3)
    asked = sum(one["upstream_answers"] for one in rounds)
    summary["hit_share"] = round(1 - asked / max(1, summary["answered"]), 4)
    summary["version"] = read(folder, "version." + peer).strip()
    return summary


def ratio(runs_of, key, best):
    """millrace's against the best of the others, the median over the rounds."""
    return round(statistics.median(
        one[key] / best(runs_of[peer][number][key] for peer in PEERS[1:])
        for number, one in runs_of["millrace"].items()), 3)


def compare(folder, results, kind):
    """All of them in one kind of run."""
    runs_of = {peer: results[f"{kind}_{peer}"] for peer in PEERS}
    runs_of["millrace"] = {number: busy_polls_only(folder, kind, number, one)
                           for number, one in runs_of["millrace"].items()}
    peers = {peer: summarize(folder, peer, list(runs_of[peer].values())) for peer in PEERS}
    peers["qps_ratio"] = ratio(runs_of, "qps", max)
    peers["p99_ratio"] = ratio(runs_of, "p99_us", min)
    peers["cpu_ratio"] = ratio(runs_of, "cpu_ns_per_query", min)
    return peers


def collect(folder, results):
    if "peer_millrace" not in results:
        return None
    peers = compare(folder, results, "peer")
    peers["hits"] = compare(folder, results, "hit_peer")
    for peer in PEERS:
        peers[peer]["dnsperf"] = summarize_dnsperf(dnsperf_rounds(folder, peer))
    peers["dnsperf_ratio"] = round(peers["millrace"]["dnsperf"]["qps"] / max(
        peers[peer]["dnsperf"]["qps"] for peer in PEERS[1:]), 3)
    return peers


def runs(peers):
    for peer in PEERS:
        yield f"peers {peer} {peers[peer]['version']}", peers[peer]
    for peer in PEERS:
        yield f"peers, hits: {peer}", peers["hits"][peer]


def lines(peers):
    yield ("Peers on veth: a core each; the load, played in the kernel, and then dnsperf with its "
           "upstream, on the other core.")
    yield (f"{'':26}{'cpu ns':>11}{'core busy':>11}{'load busy':>11}{'dnsperf qps':>13}"
           f"{'its lost':>10}{'its mean us':>13}")
    for peer in PEERS:
        one = peers[peer]
        yield (f"{peer:26}{one['cpu_ns_per_query']:>11}{one['forwarder_busy']:>11}"
               f"{one['load_busy']:>11}{one['dnsperf']['qps']:>13}{one['dnsperf']['lost']:>10}"
               f"{one['dnsperf']['average_us']:>13}")
    hits = peers["hits"]
    yield "With their caches, a thousand names again and again:"
    yield f"{'':26}{'cpu ns':>11}{'core busy':>11}{'load busy':>11}{'from cache':>13}"
    for peer in PEERS:
        one = hits[peer]
        yield (f"{peer:26}{one['cpu_ns_per_query']:>11}{one['forwarder_busy']:>11}"
               f"{one['load_busy']:>11}{one['hit_share']:>13}")
    yield f"millrace against the best, hits: CPU a query {hits['cpu_ratio']}"
    yield (f"millrace against the best: CPU a query {peers['cpu_ratio']}, "
           f"dnsperf's qps {peers['dnsperf_ratio']}")


def panels(peers):
    names = [peer.replace("_", " ") for peer in PEERS]
    yield Panel("Forwarders on a veth pair, one core each", "thousand queries a second", names,
                {"at most": [peers[peer]["qps"] / 1e3 for peer in PEERS]})
    yield Panel("The same: 99th percentile at that rate", "microseconds", names,
                {"p99": [peers[peer]["p99_us"] for peer in PEERS]}, is_logarithmic=True)
