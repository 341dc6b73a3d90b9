"""The picture of an evaluation: precision over recall, and recall by the size of faces."""

import io
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from facewire_client.evaluation.evaluation import Evaluation
from facewire_client.evaluation.tables import size_name

if TYPE_CHECKING:
    from matplotlib.axes import Axes


def picture(evaluations: Mapping[str, Evaluation]) -> str:
    """Return an SVG with a line and bars for each evaluation, named as in the mapping."""
    # A figure without pyplot needs no display and leaves no state behind.
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.fonttype": "none", "svg.hashsalt": "facewire", "font.size": 9}):
        figure = Figure(figsize=(9, 3.6), layout="constrained")
        curve, bars = figure.subplots(1, 2)
        for name, each in evaluations.items():
            recall, precision = each.operating.curve()
            curve.step(recall, precision, where="post", label=_plain(name), linewidth=1.2)
        curve.set(xlabel="recall", ylabel="precision", xlim=(0, 1.01), ylim=(0, 1.02))
        curve.grid(alpha=0.3)
        curve.legend(loc="lower left")
        _bars(bars, evaluations)
        output = io.StringIO()
        figure.savefig(output, format="svg", metadata={"Date": None})
    # The XML declaration has no place in an HTML document.
    return output.getvalue()[output.getvalue().index("<svg") :]


def _bars(axes: "Axes", evaluations: Mapping[str, Evaluation]) -> None:
    width = 0.8 / len(evaluations)
    labels: Sequence[str] = ()
    for place, each in enumerate(evaluations.values()):
        sizes = each.sizes
        labels = [f"{size_name(size)}\n{size.faces}" for size in sizes]
        x = [index + place * width for index in range(len(sizes))]
        axes.bar(x, [size.recall for size in sizes], width, align="edge")
    axes.set_xticks([index + 0.4 for index in range(len(labels))], labels)
    axes.set(xlabel="height in pixels, number of faces", ylabel="recall", ylim=(0, 1.02))
    axes.grid(axis="y", alpha=0.3)


def _plain(name: str) -> str:
    # Matplotlib would read mathematics between dollars, and hides names that begin with _.
    return name.replace("$", r"\$").lstrip("_") or "?"
