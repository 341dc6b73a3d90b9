"""A slow reading of the rules of WIDER FACE's own evaluation, threshold by threshold.

Written from `docs/accuracy.md` alone, on lists and without NumPy.
"""

from collections.abc import Sequence
from typing import Any

Box = Sequence[float]


def overlap(a: Box, b: Box) -> float:
    width = min(a[2], b[2]) - max(a[0], b[0]) + 1
    height = min(a[3], b[3]) - max(a[1], b[1]) + 1
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(each[2] - each[0] + 1) * (each[3] - each[1] + 1) for each in (a, b)]
    return width * height / (sum(areas) - width * height)


def counted(rows: list[list[float]], faces: Any, counting: Any, threshold: float) -> Any:
    """The proposals and the hits of a photo at a threshold."""
    state = [0] * len(faces)
    proposals = 0
    for row in rows:
        if row[4] < threshold:
            break
        values = [overlap(row, face) for face in faces]
        best = max(values)
        place = values.index(best)
        if best >= 0.5 and not counting[place]:
            state[place] = -1
            continue
        if best >= 0.5 and state[place] == 0:
            state[place] = 1
        proposals += 1
    return proposals, state.count(1)


def average_precision(truths: Any, found: Any, counting: Any) -> float:
    scores = [row[4] for rows in found for row in rows.tolist()]
    low, high = min(scores), max(scores)
    total = sum(flag for flags in counting for flag in flags.tolist())
    result, last, points = 0.0, 0.0, []
    for step in range(1, 1001):
        proposals = hits = 0
        for truth, rows, flags in zip(truths, found, counting, strict=True):
            if not len(truth.boxes):
                continue
            scaled = [[*r[:4], (r[4] - low) / (high - low)] for r in rows.tolist()]
            scaled.sort(key=lambda row: -row[4])
            more, new = counted(scaled, truth.boxes.tolist(), flags, 1 - step / 1000)
            proposals, hits = proposals + more, hits + new
        points.append((hits / total, hits / proposals if proposals else 0.0))
    for place, (recall, _) in enumerate(points):
        result += (recall - last) * max(precision for _, precision in points[place:])
        last = recall
    return result
