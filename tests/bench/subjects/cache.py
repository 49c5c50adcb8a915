# SPDX-License-Identifier: BSD-3-Clause
"""The store of the cache, alone."""
import os
import re
import statistics

FLOORS = (
    ("cache: a lookup while another lcore inserts, against alone", "contended_cost", 1.1, "most"),
    ("cache: bytes of an answer of 60, all told", "bytes_per_answer", 256, "most"),
    ("cache: hits by Zipf 0.9, 10 x the capacity, less LRU's, points", "over_lru", 0, "least"),
    ("cache: points lost to a flood of denials", "lost_to_denials", 2, "most"),
    ("cache: points lost to a flood of positive answers", "lost_to_positive", 2, "most"),
)

# What the suite of the store's eviction says, beside holding it to these floors itself.
WORDS = {
    "zipf_hits": r"exact LRU keeps \.\.\.([\d.]+) %",
    "zipf_hits_of_lru": r"LRU of \d+ answers ([\d.]+) %",
    "denials": r"flood of denials .*?\.\.\.([\d.]+) %, calm [\d.]+ %",
    "positive": r"flood of positive .*?\.\.\.([\d.]+) %, calm [\d.]+ %",
    "bytes_per_answer": r"(\d+) bytes with 16 lcores",
}


def read_words(folder):
    with open(os.path.join(folder, "cache_eviction.txt")) as stream:
        text = stream.read()
    return {key: float(re.search(pattern, text)[1]) for key, pattern in WORDS.items()}


def collect(folder, results):
    if "cache" not in results:
        return None
    rounds = list(results["cache"].values())
    cache = {key: round(statistics.median(one[key] for one in rounds), 3) for key in rounds[0]}
    for name, against in (("contended_cost", "alone_ns"), ("contended_cost_to_apart", "apart_ns")):
        cache[name] = round(statistics.median(
            one["contended_ns"] / one[against] for one in rounds), 3)
    cache.update(read_words(folder))
    cache["over_lru"] = round(cache["zipf_hits"] - cache["zipf_hits_of_lru"], 2)
    cache["lost_to_denials"] = round(cache["zipf_hits"] - cache["denials"], 2)
    cache["lost_to_positive"] = round(cache["zipf_hits"] - cache["positive"], 2)
    return cache


def lines(cache):
    yield (f"cache: a lookup {cache['alone_ns']} ns alone, {cache['contended_ns']} ns while another "
           f"lcore inserts {cache['inserts_a_second'] / 1e6:.1f} million a second,")
    yield f"       {cache['apart_ns']} ns while it does so in a store of its own"
    yield (f"       hits by Zipf 0.9 over 10 x the capacity {cache['zipf_hits']} %, exact LRU "
           f"{cache['zipf_hits_of_lru']} %")
