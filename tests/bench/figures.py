# SPDX-License-Identifier: BSD-3-Clause
"""usage: figures.py subjects | collect FOLDER
       figures.py table FILE | check FILE | chart FILE PNG | page FILE MARKDOWN

Names the subjects of the benchmark; makes one JSON file of the results of many runs, and a
table, a verdict, a chart or a part of a page of that.

A subject is subjects/NAME.py beside subjects/NAME.sh. It has

  FLOORS                    (text, path, bound, "least" or "most") of each figure to reach, its
                            path that within the subject's own figures
  collect(folder, results)  its figures as a dictionary, or None when it was not measured;
                            results is {name: {round: result}} of every NAME.ROUND.json
  runs(figures)             optional: (title, figures) of each run that has a rate, for the
                            table
  panels(figures)           optional: each chart.Panel of it
  lines(figures)            optional: more lines for the table
"""
import importlib
import json
import os
import platform
import re
import sys

sys.dont_write_bytecode = True

import chart  # noqa: E402
from results import read_results  # noqa: E402

PAGE_BEGIN = "<!-- figures -->"
PAGE_END = "<!-- end of figures -->"

# In the order in which they are measured and shown; not all have their file yet.
SUBJECTS = ("hit", "cache", "forward", "latency", "scale", "pool", "peers", "tcp", "dot")


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


def shown(value):
    """No more digits than say something."""
    if not isinstance(value, float):
        return "-" if value is None else str(value)
    return f"{value:.0f}" if value >= 1000 else f"{value:.1f}" if value >= 100 else f"{value:.3g}"


def print_run(title, summary):
    mark = " generator bound" if summary.get("generator_bound") else ""
    print(f"{title:26}" + "".join(f"{shown(summary.get(key)):>11}" for _, key in COLUMNS) + mark)


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
            print(f"{text:44}{shown(value):>11}")


def print_disturbed(title, summary):
    disturbed, every = summary.get("windows_disturbed", 0), summary.get("windows")
    if not disturbed:
        return
    verdict = "do not count" if disturbed < every else "count for want of others"
    print(f"{title}: {disturbed} of {every} windows were disturbed and {verdict}; "
          f"lost, failed or wrong in them: {summary['bad_disturbed']}")


def verdict_of(value, bound, side):
    if value is None:
        return "not measured"
    return "ok" if (value >= bound if side == "least" else value <= bound) else "falls short"


def check(file):
    """Prints each figure beside its floor. 1 where one falls short or was not measured."""
    figures = load(file)
    status = 0
    for text, path, bound, side in floors():
        value = find(figures, path)
        verdict = verdict_of(value, bound, side)
        if verdict != "ok":
            status = 1
        print(f"{text:44}{shown(value):>11}   at {side} {bound:<7}{verdict}")
    for title, summary in runs(figures):
        print_disturbed(title, summary)
    return status


def panels(figures):
    for name, subject in subjects().items():
        if name in figures and hasattr(subject, "panels"):
            yield from subject.panels(figures[name])


def draw(file, png):
    every = list(panels(load(file)))
    if not every:
        sys.exit("there is nothing in these figures that could be drawn")
    chart.draw(every, png)


def page_lines(figures):
    """The same figures as Markdown."""
    machine = figures["machine"]
    yield f"Measured on {machine['cpus']} CPUs ({machine['processor']}), Linux {machine['kernel']}."
    yield ""
    yield "| figure | measured | floor | |"
    yield "|---|---|---|---|"
    for text, path, bound, side in floors():
        value = find(figures, path)
        yield f"| {text} | {shown(value)} | at {side} {bound} | {verdict_of(value, bound, side)} |"
    yield ""
    columns = [(title, key) for title, key in COLUMNS if key not in ("qps_least", "wrong")]
    yield "| run | " + " | ".join(title for title, _ in columns) + " |"
    yield "|---|" + "---|" * len(columns)
    for title, summary in runs(figures):
        for name, one in ((title, summary), ("testpmd in its place", summary.get("yardstick"))):
            if one:
                cells = " | ".join(shown(one.get(key)) for _, key in columns)
                yield f"| {name} | {cells} |"
    yield ""
    for name, subject in subjects().items():
        if name in figures and hasattr(subject, "lines"):
            yield from ["```", *subject.lines(figures[name]), "```", ""]


def write_page(file, page):
    """Between its marks."""
    with open(page) as stream:
        text = stream.read()
    before, _, rest = text.partition(PAGE_BEGIN)
    _, mark, after = rest.partition(PAGE_END)
    if not mark:
        sys.exit(f"{page}: no {PAGE_BEGIN} and {PAGE_END}")
    with open(page, "w") as stream:
        stream.write(f"{before}{PAGE_BEGIN}\n\n" + "\n".join(page_lines(load(file))) +
                     f"{PAGE_END}{after}")


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
        return draw(arguments[1], arguments[2])
    if len(arguments) == 3 and arguments[0] == "page":
        return write_page(arguments[1], arguments[2])
    print(__doc__, file=sys.stderr)
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
