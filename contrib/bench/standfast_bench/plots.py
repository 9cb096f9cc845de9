"""A run as pictures (SVG): how the outages lie, and how what is many starts. Only here matplotlib is needed."""

from pathlib import Path
from typing import Any

from standfast_lab.place import LabError

from standfast_bench.cases import OURS
from standfast_bench.catalogue import CASES, SIDES
from standfast_bench.rounds import Run

COLOURS = {name: f"C{number}" for number, name in enumerate(SIDES)}


def draw(run: Run, folder: Path) -> list[Path]:
    """Which files were written; a picture without anything in it is not."""
    try:
        import matplotlib as library
    except ImportError as error:
        raise LabError("plots need matplotlib: contrib/install-packages bench") from error
    library.use("svg")
    library.rcParams.update({"svg.fonttype": "none", "svg.hashsalt": "bench", "font.size": 9})
    return [file for file in (_outages(run, folder), _curves(run, folder)) if file is not None]


def _outages(run: Run, folder: Path) -> Path | None:
    """Each round a dot, each median a line: one band for each case, on a logarithmic axis."""
    from matplotlib import pyplot
    from matplotlib.ticker import LogLocator

    rows = [row for case in CASES.values() for row in case.rows if row.unit == "s" and run.of(case.name)]
    points = [
        (number, side, [one.value for one in run.samples(row.what, side) if one.value])
        for number, row in enumerate(rows)
        for side in SIDES
    ]
    if not any(values for _, _, values in points):
        return None
    figure, axes = pyplot.subplots(figsize=(8, 0.8 + 0.55 * len(rows)), layout="constrained")
    step = 0.8 / len(SIDES)
    for number, side, values in points:
        at = number + (SIDES.index(side) - (len(SIDES) - 1) / 2) * step
        axes.scatter(values, [at] * len(values), s=10, color=COLOURS[side], label=side if values else None)
        if values:
            axes.vlines(sorted(values)[len(values) // 2], at - step / 2, at + step / 2, color=COLOURS[side])
    for number, row in enumerate(rows):
        if OURS in row.budgets:
            axes.vlines(row.budgets[OURS], number - 0.4, number + 0.4, color="black", linestyle=":")
    axes.set(xscale="log", xlabel="seconds (dotted: at most)", yticks=range(len(rows)))
    axes.set_yticklabels([row.what for row in rows])
    axes.invert_yaxis()
    axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    axes.xaxis.set_major_formatter("{x:g}")
    axes.xaxis.set_minor_formatter("")
    axes.grid(visible=True, axis="x", alpha=0.3)
    _name(axes)
    return _saved(figure, folder / "performance-outages.svg")


def _curves(run: Run, folder: Path) -> Path | None:
    """How much was done by when, a line for each round that noted it."""
    from matplotlib import pyplot

    lines = [
        (f"{sample.what}, {one.side}", one.side, sample.curve)
        for one in run.rounds
        for sample in one.samples
        if sample.curve
    ]
    if not lines:
        return None
    figure, axes = pyplot.subplots(figsize=(8, 4), layout="constrained")
    names = list(dict.fromkeys(name for name, _, _ in lines))
    styles = {name: ("-", "--", ":", "-.")[number % 4] for number, name in enumerate(names)}
    for name, side, curve in lines:
        axes.plot(*zip(*curve, strict=True), styles[name], color=COLOURS.get(side), label=name, linewidth=1)
    axes.set(xlabel="seconds", ylabel="groups that run")
    axes.grid(visible=True, alpha=0.3)
    _name(axes)
    return _saved(figure, folder / "performance-scale.svg")


def _name(axes: Any) -> None:
    """Each kind of dot or line once, above the picture."""
    handles = dict(zip(*reversed(axes.get_legend_handles_labels()), strict=True))
    axes.legend(handles.values(), handles.keys(), loc="lower left", bbox_to_anchor=(0, 1), ncols=5, frameon=False)


def _saved(figure: Any, file: Path) -> Path:
    from matplotlib import pyplot

    figure.savefig(file, metadata={"Date": None})
    pyplot.close(figure)
    return file
