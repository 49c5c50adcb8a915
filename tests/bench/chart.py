# SPDX-License-Identifier: BSD-3-Clause
"""Draws figures with gnuplot: panels of bars side by side, one above the other."""
import subprocess

COLOURS = ("#1b6ca8", "#b0b0b0", "#d08c2f", "#4f8f4f")
PANEL_PIXELS = 300


class Panel:
    """`series` is {name: [a value of each category, or None]}."""

    def __init__(self, title, unit, categories, series, is_logarithmic=False):
        self.title = title
        self.unit = unit
        self.categories = categories
        self.series = series
        self.is_logarithmic = is_logarithmic


def rows(panel):
    for index, category in enumerate(panel.categories):
        values = (values[index] for values in panel.series.values())
        yield f'"{category}" ' + " ".join("NaN" if one is None else f"{one}" for one in values)


def labels(number, place, least):
    """What each bar of a series is worth, above it."""
    return (f"$panel{number} using ($0 + {place}):(${least}):"
            f"(sprintf(${least} < 100 ? '%.3g' : '%.0f', ${least})) with labels font ',8' offset 0,0.6 notitle")


def plot(number, panel):
    count = len(panel.series)
    bars, worth = [], []
    for index, name in enumerate(panel.series):
        bars.append(f"$panel{number} using {index + 2}:xtic(1) title '{name}' "
                    f"linecolor rgb '{COLOURS[index % len(COLOURS)]}'")
        # A cluster is as wide as its bars and one gap.
        place = (index - (count - 1) / 2) / (count + 1)
        worth.append(labels(number, round(place, 4), index + 2))
    scale = "set logscale y\nset yrange [1:*]" if panel.is_logarithmic else (
        "unset logscale y\nset yrange [0:*]")
    return (f"set title '{panel.title}'\nset ylabel '{panel.unit}'\n{scale}\n"
            f"plot {', '.join(bars + worth)}\n")


def draw(panels, png):
    data = "".join(f"$panel{number} << END\n" + "\n".join(rows(panel)) + "\nEND\n"
                   for number, panel in enumerate(panels))
    plots = "".join(plot(number, panel) for number, panel in enumerate(panels))
    commands = f"""set terminal pngcairo noenhanced size 900,{PANEL_PIXELS * len(panels)} font ',10'
set output '{png}'
{data}set style data histograms
set style histogram clustered gap 1
set style fill solid 0.85 noborder
set grid y
set key outside right top
set offsets 0, 0, graph 0.12, 0
set multiplot layout {len(panels)},1
{plots}unset multiplot
"""
    subprocess.run(["gnuplot"], input=commands, text=True, check=True)
