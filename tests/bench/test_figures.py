# SPDX-License-Identifier: BSD-3-Clause
"""What becomes of the generator's results, and of figures that fall short."""
import contextlib
import io
import json
import os
import sys
import tempfile
import unittest

sys.dont_write_bytecode = True

import figures  # noqa: E402
import results  # noqa: E402
import streams  # noqa: E402

TESTPMD_LOG = """
  RX-packets: 5076998        RX-dropped: 3             RX-total: 5077001
  TX-packets: 5076990        TX-dropped: 8             TX-total: 5076998
  CPU cycles/packet=155.32 (total cycles=788546995 / total 5tswap packets=5076998) at 2300 MHz
"""


def window(qps, pause=0.0, lost=0):
    return {"qps": qps, "sent": qps, "answered": qps - lost, "failed": 0, "wrong": 0, "late": 0,
            "lost": lost, "p50_us": 5.0, "p90_us": 6.0, "p99_us": 7.0, "p999_us": 8.0,
            "max_us": 9.0, "in_flight": 10, "held_back": 0, "longest_pause_us": pause,
            "paused_us": pause, "stolen_ms": 0, "idle_share": 0.5, "seconds": 0.1}


def result(*windows, forwarder=None):
    return {"windows": list(windows), "forwarder": forwarder or {}, "cycles_per_second": 1000000,
            "rate": 0, "upstream_strange": 0, "upstream_overflow": 0, "p50_us": 5.0,
            "p99_us": 7.0, "p999_us": 8.0, "max_us": 9.0}


class Streams(unittest.TestCase):
    def test_disturbed_pairs_do_not_count(self):
        def one(stolen_ms):
            return {"took_ms": 5000, "stolen_ms": stolen_ms}

        rounds = {"64": [one(1001), one(1000), one(0)], "1": [one(0), one(1000), one(1001)]}
        self.assertEqual(streams.choose_pairs(rounds), [(one(1000), one(1000))])
        # A round that was calm does not stand beside one that was not.
        rounds = {"64": [one(2000), one(0)], "1": [one(0), one(2000)]}
        self.assertEqual(len(streams.choose_pairs(rounds)), 2)


class Results(unittest.TestCase):
    def test_disturbed_windows_do_not_count(self):
        summary = results.summarize({1: result(window(100), window(20, 5000, 7), window(110)),
                                     2: result(window(120), window(10, 401, 2))})
        self.assertEqual(summary["qps"], 110)
        self.assertEqual(summary["qps_least"], 100)
        self.assertEqual((summary["lost"], summary["bad"]), (0, 0))
        self.assertEqual(summary["bad_disturbed"], 9)
        self.assertEqual((summary["windows"], summary["windows_disturbed"]), (5, 2))

    def test_every_window_is_kept(self):
        summary = results.summarize({1: result(window(100), window(20, 5000, 7))})
        self.assertEqual([one["disturbed"] for one in summary["rounds"][0]["windows"]],
                         [False, True])
        self.assertEqual(summary["rounds"][0]["windows"][1]["lost"], 7)

    def test_disturbed_windows_count_for_want_of_others(self):
        summary = results.summarize({1: result(window(100, 1000, 3), window(200, 1000, 4))})
        self.assertEqual(summary["qps"], 150)
        self.assertEqual(summary["bad"], 7)

    def test_losses_have_their_cause(self):
        summary = results.summarize(
            {1: result(window(100, 0, 3), forwarder={"nic_tx_dropped": 3})})
        self.assertEqual((summary["lost"], summary["forwarder_dropped"]), (3, 3))

    def test_cycles_say_what_they_are(self):
        summary = results.summarize({1: result(window(1000))})
        self.assertEqual(summary["cycles_per_query"], 1000)
        self.assertIn("idle or not", summary["cycles_are"])
        summary = results.summarize({1: result(window(1000), forwarder={
            "busy_nanoseconds": 7000000, "query_answered": 10, "frames_received": 20,
            "busy_polls": 4})})
        self.assertEqual(summary["cycles_per_query"], 700)
        self.assertNotIn("idle", summary["cycles_are"])
        self.assertEqual(summary["frames_a_turn"], 5)

    def test_generator_bound(self):
        busy = dict(window(1000), idle_share=0.01)
        self.assertTrue(results.summarize({1: result(busy)})["generator_bound"])
        self.assertFalse(results.summarize({1: result(window(1000))})["generator_bound"])
        kept = dict(result(busy), rate=1000)
        self.assertFalse(results.summarize({1: kept})["generator_bound"])
        missed = dict(result(busy), rate=2000)
        self.assertTrue(results.summarize({1: missed})["generator_bound"])

    def test_rounds_are_compared_one_by_one(self):
        fast = {1: result(window(100)), 2: result(window(400)), 3: result(window(30))}
        slow = {1: result(window(50)), 2: result(window(100)), 3: result(window(10))}
        self.assertEqual(results.compare(fast, slow, "qps"), 3)

    def test_yardstick_has_two_packets_a_query(self):
        counts = results.read_testpmd(TESTPMD_LOG)
        self.assertEqual(counts, {"received": 5076998, "sent": 5076990, "tx_dropped": 8,
                                  "cycles_per_packet": 155.32})
        summary = results.summarize_yardstick({1: result(window(1000), forwarder=counts)})
        self.assertEqual((summary["qps"], summary["pps"]), (1000, 2000))
        self.assertEqual(summary["cycles_per_packet"], 155.32)
        self.assertEqual(summary["forwarder_dropped"], 8)

    def test_millrace_counters(self):
        counts = results.read_millrace({
            "/millrace/stats": {"frames_received": 5, "frame_other": 0},
            "/millrace/ports": {"rx_missed": 2, "tx_errors": 0},
            "/millrace/upstreams": {"0/failed_timeout": 1, "1/failed_timeout": 2, "0/sent": 9}})
        self.assertEqual(counts, {"frames_received": 5, "port_rx_missed": 2, "failed_timeout": 3})


class Forward(unittest.TestCase):
    def test_memory_is_that_of_the_queries_more(self):
        def run(resident, most):
            return {"forwarder": {"resident_bytes": resident}, "in_flight_most": most}

        forward = figures.subjects()["forward"]
        self.assertEqual(forward.bytes_per_query({1: run(5000, 100), 2: run(5000, 100)},
                                                 {1: run(30000, 200), 2: run(30400, 200)}), 252)


class Check(unittest.TestCase):
    def setUp(self):
        self.figures = {}
        for _, path, bound, _ in figures.floors():
            self.put(path, bound)

    def put(self, path, value):
        *folders, name = path.split(".")
        inner = self.figures
        for folder in folders:
            inner = inner.setdefault(folder, {})
        if value is None:
            del inner[name]
        else:
            inner[name] = value

    def check(self):
        """(status, lines)"""
        figures.runs = lambda _: ()
        output = io.StringIO()
        with tempfile.TemporaryDirectory() as folder, contextlib.redirect_stdout(output):
            file = os.path.join(folder, "figures.json")
            with open(file, "w") as stream:
                json.dump(self.figures, stream)
            status = figures.check(file)
        return status, output.getvalue().splitlines()

    def test_at_its_floor_is_enough(self):
        status, lines = self.check()
        self.assertEqual(status, 0, lines)
        self.assertTrue(all(line.endswith("ok") for line in lines))

    def test_each_that_falls_short_is_found(self):
        for text, path, bound, side in figures.floors():
            self.put(path, bound - 0.01 if side == "least" else bound + 0.01)
            status, lines = self.check()
            self.assertEqual(status, 1, text)
            self.assertEqual([line for line in lines if not line.endswith("ok")],
                             [line for line in lines if line.startswith(f"{text:44}")])
            self.put(path, bound)

    def test_each_that_is_not_there_is_found(self):
        for text, path, bound, _ in figures.floors():
            self.put(path, None)
            status, lines = self.check()
            self.assertEqual(status, 1, text)
            self.assertTrue(any(line.startswith(f"{text:44}") and line.endswith("not measured")
                                for line in lines))
            self.put(path, bound)


class Page(unittest.TestCase):
    def test_what_stands_between_the_marks_is_replaced(self):
        with tempfile.TemporaryDirectory() as folder:
            file, page = (os.path.join(folder, name) for name in ("figures.json", "page.md"))
            with open(file, "w") as stream:
                json.dump({"machine": {"cpus": 2, "processor": "X", "kernel": "6"},
                           "pool": {"one": {"alone_ns": 12.345}}}, stream)
            with open(page, "w") as stream:
                stream.write(f"before\n{figures.PAGE_BEGIN}\nstale words\n{figures.PAGE_END}\nafter\n")
            figures.runs = lambda _: ()
            figures.write_page(file, page)
            with open(page) as stream:
                text = stream.read()
        self.assertTrue(text.startswith("before\n") and text.endswith("\nafter\n"), text)
        self.assertNotIn("stale words", text)
        self.assertIn("| pool: take and give back, ns | 12.3 | at most 20 | ok |", text)

    def test_digits(self):
        self.assertEqual([figures.shown(value) for value in (None, 7, 0.1234, 12.345, 123.45, 1e6)],
                         ["-", "7", "0.123", "12.3", "123.5", "1000000"])


if __name__ == "__main__":
    unittest.main()
