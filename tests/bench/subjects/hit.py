# SPDX-License-Identifier: BSD-3-Clause
"""Answers from the cache: their rate against the link's."""
from results import compare, summarize_beside, summarize_circulation

RUNS = {
    "hit_1000": "names_1000",
    "hit_1000000_zipf": "names_1000000_zipf",
    "hit_10000000": "names_10000000",
    "hit_90": "nine_of_ten",
}

FLOORS = (
    ("hits, 1,000 names: ratio to the limit", "names_1000.ratio", 0.55, "least"),
    ("hits, 1,000,000 names, Zipf: ratio", "names_1000000_zipf.ratio", 0.40, "least"),
    ("hits, 10,000,000 names, even: ratio", "names_10000000.ratio", 0.25, "least"),
    ("hits and one new of ten, 20 ms: ratio", "nine_of_ten.ratio", 0.40, "least"),
    ("hits: lost, failed or wrong", "bad", 0, "most"),
)


# Names that each run asks once, before what is measured.
FILLED = {
    "hit_1000": 1000,
    "hit_1000000_zipf": 1000000,
    "hit_10000000": 10000000,
    "hit_90": 1000,
}


def share(results, name):
    """Of the queries answered, those from the cache, but for those that filled it."""
    counters = [result["forwarder"] for result in results[name].values()]
    cached = sum(one.get("query_cached", 0) for one in counters)
    others = sum(one.get("query_answered", 0) + one.get("query_coalesced", 0)
                 for one in counters) - FILLED[name] * len(counters)
    return round(cached / max(1, cached + max(0, others)), 4)


def collect(_, results):
    if "hit_circulation" not in results:
        return None
    hit = {"circulation": summarize_circulation(results["hit_circulation"]), "bad": 0}
    for name, key in RUNS.items():
        summary = hit[key] = summarize_beside(results, name)
        summary["limit_pps"] = summary["yardstick"]["pps"]
        summary["hit_share"] = share(results, name)
        # A hit is a frame in and one out, a forwarded query two of each; testpmd has two.
        frames = 1 if name != "hit_90" else 1.1
        summary["ratio"] = round(
            frames / 2 * compare(results[name], results[name + "_yardstick"], "qps"), 3)
        summary["ratio_circulating"] = round(
            frames * compare(results[name], results["hit_circulation"], "qps", "pps"), 3)
        hit["bad"] += summary["bad"]
    return hit


def runs(hit):
    for key in RUNS.values():
        yield "hit " + key, hit[key]


def lines(hit):
    for key in RUNS.values():
        yield (f"{key:20} ratio to testpmd under the same load {hit[key]['ratio']:>6}, "
               f"with frames going round {hit[key]['ratio_circulating']:>6}, "
               f"from the cache {hit[key]['hit_share']:>7}")
