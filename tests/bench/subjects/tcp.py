# SPDX-License-Identifier: BSD-3-Clause
"""millrace beside dnsdist with clients over TCP."""
import streams

FLOORS = (
    ("tcp: qps against dnsdist", "qps_ratio", 1.5, "least"),
    ("tcp: queries lost", "millrace.lost", 0, "most"),
    ("tcp: answers that say of a failure", "millrace.failed", 0, "most"),
)


def collect(folder, _):
    return streams.collect(folder, "tcp")


def runs(figures):
    for peer in streams.PEERS:
        yield f"tcp {peer}", figures[peer]


def lines(figures):
    yield from streams.lines("tcp", figures)


def panels(figures):
    yield from streams.panels("100 TCP connections, one core", figures)
