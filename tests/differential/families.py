"""The toys that are compared: every head with the metadata of every exporter.

The keys and their spelling are those of real files of OpenVINO Training Extensions 2.6.0
and getitune 0.4.0; values that do not matter here are shortened.
"""

from collections.abc import Iterator
from itertools import product

from tests.differential.toy import Toy

LABELS = '{"label_names": ["face", "no mask"], "label_ids": ["0", "1"]}'

COMMON = {
    "model_type": "ssd",
    "labels": "face no_mask",
    "confidence_threshold": "0.35",
    "iou_threshold": "0.5",
}

EXPORTED = COMMON | {
    "label_info": LABELS,
    "label_ids": "0 1",
    "model_name": "toy",
    "optimization_config": '{"model_type": "transformer"}',
    "task_type": "detection",
}

GETITUNE = EXPORTED | {
    "getitune_version": "0.4.0",
    "intensity_min_value": "0.0",
    "intensity_percentile_high": "99.0",
    "intensity_percentile_low": "1.0",
    "intensity_scale_factor": "1.0",
    "nms_execute": "True",
}

METADATA = {
    "plain": COMMON,
    "otx": EXPORTED | {"otx_version": "2.6.0"},
    "getitune": GETITUNE,
}

HEADS = {
    "plain": ("boxes_labels", "float_labels", "detr", "ssd"),
    "otx": ("chosen", "explained", "detr"),
    "getitune": ("boxes_labels", "chosen", "explained", "detr"),
}
"""The outputs that each kind of file has."""

RESIZE_TYPES = ("standard", "fit_to_window", "fit_to_window_letterbox")

SIZES = ((128, 96), (96, 96), (96, 128))

NORMALISATIONS = {
    "plain": ("", "imagenet", "to_unit"),
    "otx": ("to_unit", "imagenet", ""),
    "getitune": ("", "imagenet_unit"),
}


def toys() -> Iterator[tuple[str, Toy]]:
    """Name and toy of each combination; what is not combined alternates."""
    for exporter in METADATA:
        kinds = product(HEADS[exporter], RESIZE_TYPES)
        for turn, (head, resize_type) in enumerate(kinds):
            yield f"{exporter}-{head}-{resize_type}", _toy(turn, exporter, head, resize_type)


def _toy(turn: int, exporter: str, head: str, resize_type: str) -> Toy:
    plain, getitune = exporter == "plain", exporter == "getitune"
    metadata = METADATA[exporter] | {
        "resize_type": resize_type,
        "pad_value": ("114", "0")[turn // 2 % 2],
        "reverse_input_channels": ("True", "False")[turn % 2],
    }
    if plain and turn % 3 == 1:
        metadata["nms_execute"] = "YES"
    if getitune and head == "chosen":
        metadata["nms_execute"] = "False"  # as with export_nms
    normalisations = NORMALISATIONS[exporter]
    return Toy(
        head=head,
        size=SIZES[turn % len(SIZES)],
        batch=-1 if getitune and head != "chosen" else 1,
        layout="NHWC" if plain and turn % 4 == 3 else "NCHW",
        normalisation=normalisations[turn % len(normalisations)],
        unit=getitune,
        name={"plain": "data", "otx": "image", "getitune": "images"}[exporter],
        metadata=metadata,
    )
