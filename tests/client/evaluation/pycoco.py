"""The numbers of pycocotools for the same photos."""

import contextlib
import io
from typing import Any

from pycocotools.coco import COCO
from pycocotools.cocoeval import COCOeval

from tests.client.evaluation.scenes import Scene


def numbers(scene: Scene) -> list[float]:
    """AP, AP50, AP75, AP small, medium, large, and the highest recall; -1: no faces."""
    truths, found = scene
    annotations: list[dict[str, Any]] = []
    detections: list[dict[str, Any]] = []
    for image, (truth, rows) in enumerate(zip(truths, found, strict=True), start=1):
        for box, ignored, area in zip(*truth, strict=True):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image,
                    "category_id": 1,
                    "bbox": _sides(box),
                    "area": float(area),
                    "iscrowd": int(ignored),
                }
            )
        detections += [
            {"image_id": image, "category_id": 1, "bbox": _sides(row), "score": float(row[4])}
            for row in rows
        ]
    with contextlib.redirect_stdout(io.StringIO()):
        return _evaluated(len(truths), annotations, detections)


def _sides(box: Any) -> list[float]:
    return [float(box[0]), float(box[1]), float(box[2] - box[0]), float(box[3] - box[1])]


def _evaluated(images: int, annotations: Any, detections: Any) -> list[float]:
    truth = COCO()
    truth.dataset = {
        "images": [{"id": index} for index in range(1, images + 1)],
        "categories": [{"id": 1, "name": "face"}],
        "annotations": annotations,
    }
    truth.createIndex()
    evaluation = COCOeval(truth, truth.loadRes(detections), "bbox")
    evaluation.evaluate()
    evaluation.accumulate()
    evaluation.summarize()
    return [float(evaluation.stats[place]) for place in (0, 1, 2, 3, 4, 5, 8)]
