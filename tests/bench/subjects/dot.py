# SPDX-License-Identifier: BSD-3-Clause
"""millrace beside dnsdist with clients over TLS."""
import streams

FLOORS = (
    ("dot: qps against dnsdist", "qps_ratio", 1.5, "least"),
    ("dot: queries lost", "millrace.lost", 0, "most"),
    ("dot: answers that say of a failure", "millrace.failed", 0, "most"),
    ("dot: qps over an upstream of TLS, 64 in flight against 1", "upstream.qps_ratio", 5, "least"),
    ("dot: lost, failed or wrong over it", "upstream.in_flight_64.bad", 0, "most"),
    ("dot: connections to it, likewise", "upstream.connections_ratio", 0.1, "most"),
    ("dot: p99 of datagrams beside 500 handshakes a second", "handshakes.p99_ratio", 1.1, "most"),
    ("dot: handshakes a second beside them", "handshakes.here.handshakes", 450, "least"),
    ("dot: datagrams lost beside them", "handshakes.here.bad", 0, "most"),
)


def collect(folder, results):
    figures = streams.collect(folder, "dot")
    if figures is not None:
        figures["handshakes"] = streams.collect_handshakes(
            folder, results, "dot_handshakes")
        figures["upstream"] = streams.collect_upstream(folder, results, "dot_upstream")
    return figures


def runs(figures):
    for peer in streams.PEERS:
        yield f"dot {peer}", figures[peer]


def lines(figures):
    yield from streams.lines("dot", figures)
    for name, one in (figures["upstream"] or {}).items():
        if name == "rounds":
            continue
        yield f"over an upstream of TLS, {name}: {one}"
    for name, one in (figures["handshakes"] or {}).items():
        yield f"datagrams, handshakes {name}: {one}"


def panels(figures):
    yield from streams.panels("100 TLS connections, one core", figures)
