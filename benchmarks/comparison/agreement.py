"""Whether two found the same boxes."""

from collections.abc import Sequence

from facewire_client.result import Box

MIN_IOU = 0.9


class Disagreement(Exception):
    """Two that should do the same job found different boxes."""


def check_same(ours: Sequence[Box], theirs: Sequence[Box]) -> None:
    """Raises Disagreement unless each box has one of the others, IoU >= MIN_IOU.

    The pairs that overlap most are matched first.
    """
    if len(ours) != len(theirs):
        raise Disagreement(f"{len(theirs)} boxes instead of {len(ours)}")
    left, others = list(ours), list(theirs)
    while left:
        overlap, mine, other = max((iou(a, b), a, b) for a in left for b in others)
        if overlap < MIN_IOU:
            raise Disagreement(f"IoU {overlap:.2f} of {_text(mine)}, {_text(other)}")
        left.remove(mine)
        others.remove(other)


def iou(a: Box, b: Box) -> float:
    """Intersection over union."""
    width = min(a.x_max, b.x_max) - max(a.x_min, b.x_min)
    height = min(a.y_max, b.y_max) - max(a.y_min, b.y_min)
    if width <= 0 or height <= 0:
        return 0.0
    return width * height / (_area(a) + _area(b) - width * height)


def _area(box: Box) -> float:
    return (box.x_max - box.x_min) * (box.y_max - box.y_min)


def _text(box: Box) -> str:
    return "(" + ", ".join(f"{value:.0f}" for value in box) + ")"
