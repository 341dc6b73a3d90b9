"""A slow reading of the accuracy checker's rules, one detection and one face at a time.

Written from `docs/accuracy.md` alone, on lists and without NumPy.
"""

from collections.abc import Sequence
from typing import Any

Box = Sequence[float]


def rounded(box: Box) -> list[float]:
    return [float(round(value)) for value in box]  # half to even, as numpy.rint


def shared(a: Box, b: Box) -> float:
    width = max(0.0, min(a[2], b[2]) - max(a[0], b[0]))
    return width * max(0.0, min(a[3], b[3]) - max(a[1], b[1]))


def area(box: Box) -> float:
    return (box[2] - box[0]) * (box[3] - box[1])


def overlap(detected: Box, face: Box, difficult: bool) -> float:
    both = shared(detected, face)
    whole = area(detected) if difficult else area(detected) + area(face) - both
    return both / whole if whole else 0.0


def prepared(boxes: Sequence[Box], ignored: Sequence[bool]) -> tuple[list[Box], list[bool]]:
    """The faces after the checker's postprocessing, and which are difficult."""
    faces: list[Box] = []
    difficult: list[bool] = []
    for box, is_ignored in zip(boxes, ignored, strict=True):
        face = [min(max(value, 0.0), 1024.0) for value in rounded(box)]
        height, width = face[3] - face[1], face[2] - face[0]
        faces.append(face)
        difficult.append(bool(is_ignored) or not 64 <= height < 1024 or width <= 0 or height <= 0)
    return faces, difficult


def average_precision(truths: Sequence[Any], found: Sequence[Any]) -> float:
    """The `map` of photos: `truths` with boxes and ignored, `found` rows of box, confidence."""
    photos = [prepared(truth.boxes.tolist(), truth.ignored.tolist()) for truth in truths]
    used = [[False] * len(faces) for faces, _ in photos]
    total = sum(not flag for _, difficult in photos for flag in difficult)
    rows = [
        (-row[4], index, rounded(row[:4]))
        for index, each in enumerate(found)
        for row in each.tolist()
    ]
    hits, wrong, points = 0, 0, []
    for _, index, box in sorted(rows, key=lambda row: row[0]):
        faces, difficult = photos[index]
        values = [overlap(box, *each) for each in zip(faces, difficult, strict=True)]
        plain = [v for v, flag in zip(values, difficult, strict=True) if not flag]
        hard = [v for v, flag in zip(values, difficult, strict=True) if flag]
        best = max(plain, default=-1.0)
        if best < 0.5 and hard:
            best = max(hard)
        equal = [place for place, value in enumerate(values) if value == best]
        if best < 0.5:
            wrong += 1
        elif not any(difficult[place] for place in equal):
            if any(used[index][place] for place in equal):
                wrong += 1
            else:
                hits += 1
                for place in equal:
                    used[index][place] = True
        points.append((hits / total if total else 0.0, hits / max(hits + wrong, 1)))
    return enveloped(points)


def enveloped(points: Sequence[tuple[float, float]]) -> float:
    """The area below the highest precision at each recall or above."""
    result, last = 0.0, 0.0
    for place, (recall, _) in enumerate(points):
        if recall != last:
            result += (recall - last) * max(precision for _, precision in points[place:])
            last = recall
    return result
