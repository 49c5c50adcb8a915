# SPDX-License-Identifier: BSD-3-Clause
"""usage: figures.py subjects | collect FOLDER | table FILE | check FILE | chart FILE PNG

Names the subjects of the benchmark; makes one JSON file of the results of many runs, and a
table, a verdict or a chart of that.

A subject is subjects/NAME.py beside subjects/NAME.sh. It has

  FLOORS                    (text, path, bound, "least" or "most") of each figure to reach, its
                            path that within the subject's own figures
  collect(folder, results)  its figures as a dictionary, or None when it was not measured;
                            results is {name: {round: result}} of every NAME.ROUND.json
  runs(figures)             optional: (title, figures) of each run that has a rate, for the
                            table and the chart
  lines(figures)            optional: more lines for the table
"""
import importlib
import json
import os
import platform
import re
import subprocess
import sys

sys.dont_write_bytecode = True

from results import read_results  # noqa: E402

# In the order in which they are measured and shown; not all have their file yet.
SUBJECTS = ("hit", "forward", "latency", "scale", "pool", "peers")


def subjects():
    """{name: module} of those that can be measured."""
    folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "subjects")
    return {name: importlib.import_module("subjects." + name) for name in SUBJECTS
            if os.path.exists(os.path.join(folder, name + ".py"))}


def processor():
    with open("/proc/cpuinfo") as stream:
        match = re.search(r"^model name\s*: (.*)$", stream.read(), re.MULTILINE)
    return match[1] if match else platform.machine()


def collect(folder):
    results = read_results(folder)
    figures = {"machine": {"processor": processor(), "cpus": os.cpu_count(),
                           "kernel": platform.release()}}
    for name, subject in subjects().items():
        found = subject.collect(folder, results)
        if found is not None:
            figures[name] = found
    json.dump(figures, sys.stdout, indent=2)
    print()


def load(file):
    with open(file) as stream:
        return json.load(stream)


def runs(figures):
    """(title, summary) of everything that has a rate."""
    for name, subject in subjects().items():
        if name in figures and hasattr(subject, "runs"):
            yield from subject.runs(figures[name])


def floors():
    for name, subject in subjects().items():
        for text, path, bound, side in subject.FLOORS:
            yield text, f"{name}.{path}", bound, side


def find(figures, path):
    for key in path.split("."):
        if not isinstance(figures, dict) or key not in figures:
            return None
        figures = figures[key]
    return figures


COLUMNS = (("qps", "qps"), ("least", "qps_least"), ("most", "qps_most"),
           ("cycles", "cycles_per_query"), ("lost", "lost"), ("wrong", "wrong"),
           ("p50 us", "p50_us"), ("p99 us", "p99_us"), ("p99.9 us", "p999_us"),
           ("in flight", "in_flight"), ("idle", "idle_share"), ("disturbed", "windows_disturbed"))


def print_run(title, summary):
    mark = " generator bound" if summary.get("generator_bound") else ""
    print(f"{title:26}" + "".join(f"{summary.get(key, '-'):>11}" for _, key in COLUMNS) + mark)


def table(file):
    """`idle` is the share of its time in which the generator had nothing to do, `disturbed` the
    windows that do not count."""
    figures = load(file)
    print(f"{'':26}" + "".join(f"{title:>11}" for title, _ in COLUMNS))
    for title, summary in runs(figures):
        print_run(title, summary)
        if "yardstick" in summary:
            print_run("  testpmd in its place", summary["yardstick"])
    print()
    for name, subject in subjects().items():
        if name in figures and hasattr(subject, "lines"):
            print(*subject.lines(figures[name]), "", sep="\n")
    for text, path, _, _ in floors():
        value = find(figures, path)
        if value is not None:
            print(f"{text:44}{value:>11}")


def print_disturbed(title, summary):
    disturbed, every = summary.get("windows_disturbed", 0), summary.get("windows")
    if not disturbed:
        return
    verdict = "do not count" if disturbed < every else "count for want of others"
    print(f"{title}: {disturbed} of {every} windows were disturbed and {verdict}; "
          f"lost, failed or wrong in them: {summary['bad_disturbed']}")


def check(file):
    """Prints each figure beside its floor. 1 where one falls short or was not measured."""
    figures = load(file)
    status = 0
    for text, path, bound, side in floors():
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
    for title, summary in runs(figures):
        print_disturbed(title, summary)
    return status


def chart(file, png):
    """Rates of the runs as bars, the half of the limit as a line."""
    rows = [(title.replace(" ", "\\n").replace("_", " "), summary)
            for title, summary in runs(load(file))]
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
    if arguments == ["subjects"]:
        return print("\n".join(SUBJECTS))
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
