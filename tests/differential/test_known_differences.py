"""Where Model API 0.4.7 and we differ on purpose: a test for each row of docs/models.md."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import openvino as ov
import pytest
from numpy.typing import NDArray
from openvino import Node
from openvino import opset15 as ops

from facewire_server.errors import ModelError
from tests.differential.families import GETITUNE
from tests.differential.pictures import drawn
from tests.differential.readers import load, read
from tests.differential.reference import Reference
from tests.differential.toy import Toy

SIDE = 64
"""Of the input, and of BLACK."""

BLACK = np.zeros((SIDE, SIDE, 3), np.uint8)

KNOWN: list[str] = []
"""The rows that a test here shows."""

Test = Callable[..., None]

Array = NDArray[np.generic]


def difference(row: str) -> Callable[[Test], Test]:
    """Note that a test shows this row of the table."""

    def note(test: Test) -> Test:
        KNOWN.append(row)
        return test

    return note


@difference("fractions of pixels")
def test_model_api_rounds_boxes(tmp_path: Path) -> None:
    model = fixed(tmp_path, boxes=[[1.4, 1.6, 20.5, 21.7, 0.9]])
    assert theirs(model) == [[1, 2, 20, 22]]
    assert ours(model) == [[1.4, 1.6, 20.5, 21.7]]


@difference("the scale of `fit_to_window`")
def test_model_api_scales_back_by_a_size_that_was_not_rounded(tmp_path: Path) -> None:
    """A picture of 64 x 50 in 16 x 16 is drawn 16 x 12, for 12.5."""
    metadata = {"resize_type": "fit_to_window"}
    model = fixed(tmp_path, boxes=[[0, 0, 16, 12, 0.9]], metadata=metadata, side=16)
    picture = np.zeros((50, 64, 3), np.uint8)
    assert theirs(model, picture) == [[0, 0, 64, 48]]
    assert ours(model, picture) == [[0, 0, 64, 50]]


@difference("boxes of one square pixel or less")
def test_model_api_drops_tiny_boxes(tmp_path: Path) -> None:
    model = fixed(tmp_path, boxes=[[1, 1, 2.2, 2.2, 0.9]])
    assert theirs(model) == []
    assert len(ours(model)) == 1


@difference("boxes with both corners swapped")
def test_model_api_keeps_boxes_of_which_both_corners_are_swapped(tmp_path: Path) -> None:
    model = fixed(tmp_path, boxes=[[20, 20, 10, 10, 0.9]])
    assert theirs(model) == [[20, 20, 10, 10]]
    assert ours(model) == []


@difference("a confidence of exactly `confidence_threshold`")
def test_model_api_drops_a_confidence_on_the_threshold(tmp_path: Path) -> None:
    model = fixed(tmp_path, boxes=[[1, 1, 20, 20, 0.5]])
    assert theirs(model) == []
    assert ours(model) == [[1, 1, 20, 20]]


@difference("`boxes` [N,5] without a batch, or without `labels`")
@pytest.mark.parametrize(("batched", "labelled"), [(False, True), (True, False)])
def test_model_api_wants_a_batch_and_labels(tmp_path: Path, batched: bool, labelled: bool) -> None:
    rows = [[1, 1, 20, 20, 0.9], [4, 4, 30, 30, 0.8]]
    model = fixed(tmp_path, boxes=rows, batched=batched, labelled=labelled)
    with pytest.raises((IndexError, ValueError)):
        theirs(model)
    assert ours(model) == [row[:4] for row in rows]


@difference("SSD rows after the end of their list")
def test_model_api_reads_ssd_rows_after_the_end(tmp_path: Path) -> None:
    rows: list[list[float]] = [
        [0, 1, 0.9, 0, 0, 0.5, 0.5],
        [-1, 0, 0, 0, 0, 0, 0],
        [0, 1, 0.8, 0.5, 0.5, 1, 1],
    ]
    model = ssd(tmp_path, rows)
    assert theirs(model) == [[0, 0, 32, 32], [32, 32, 64, 64]]
    assert ours(model) == [[0, 0, 32, 32]]


@difference("SSD rows beside other outputs")
def test_model_api_refuses_ssd_rows_beside_other_outputs(tmp_path: Path) -> None:
    model = ssd(tmp_path, [[0, 1, 0.9, 0, 0, 0.5, 0.5]], saliency=True)
    with pytest.raises(ValueError, match="Unsupported model outputs"):
        Reference(model)
    assert ours(model) == [[0, 0, 32, 32]]


@difference("`resize_type` `crop`")
def test_model_api_stretches_boxes_of_a_cropped_picture(tmp_path: Path) -> None:
    model = fixed(tmp_path, boxes=[[0, 0, 32, 64, 0.9]], metadata={"resize_type": "crop"})
    picture = np.zeros((64, 128, 3), np.uint8)
    assert theirs(model, picture) == [[0, 0, 64, 64]]
    assert ours(model, picture) == [[32, 0, 64, 64]]


@difference("`true`, `yes` and `1`")
def test_model_api_takes_true_in_small_letters_for_false(tmp_path: Path) -> None:
    model = fixed(tmp_path, boxes=[[1, 1, 20, 20, 0.9]], metadata={"nms_execute": "true"})
    assert not Reference(model).model.params.nms_execute
    assert load(model).description.iou_threshold == 0.5


@difference("names of classes with spaces")
def test_model_api_reads_no_true_names(tmp_path: Path) -> None:
    model = Toy(metadata=GETITUNE, unit=True).write(tmp_path / "toy.xml")
    assert Reference(model).model.params.labels == ["face", "no_mask"]
    assert load(model).description.labels == ("face", "no mask")


@difference("channels of getitune")
def test_model_api_obeys_a_key_that_getitune_writes_wrongly(tmp_path: Path) -> None:
    """getitune's engine overrides it, and so does `Reference` unless told otherwise."""
    metadata = {**GETITUNE, "reverse_input_channels": "True"}
    model = Toy(metadata=metadata, unit=True).write(tmp_path / "toy.xml")
    picture = drawn()[0]
    obeyed = Reference(model, reverse_input_channels=True).detect(picture)
    overridden = Reference(model).detect(picture)
    assert not np.array_equal(np.sort(obeyed.scores), np.sort(overridden.scores))
    found = read(load(model), picture)
    np.testing.assert_allclose(np.sort(found.scores), np.sort(overridden.scores), atol=0.01)


@difference("settings that are not supported")
@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("intensity_mode", "percentile"),
        ("intensity_mode", "unheard_of"),
        ("interpolation_mode", "CUBIC"),
        ("agnostic_nms", "True"),
        ("input_dtype", "f32"),
    ],
)
def test_a_setting_that_is_not_supported_refuses_the_model(
    tmp_path: Path, key: str, value: str
) -> None:
    model = fixed(
        tmp_path, boxes=[[1, 1, 20, 20, 0.9]], metadata={key: value, "nms_execute": "YES"}
    )
    with pytest.raises(ModelError, match=key):
        load(model)


def test_the_document_lists_the_differences_that_are_tested_here() -> None:
    text = (Path(__file__).parents[2] / "docs" / "models.md").read_text()
    section = text.split("## Compared with Model API")[1].split("\n## ")[0]
    rows = re.findall(r"^\| (.*?) \|", section, re.MULTILINE)[1:]
    assert rows == KNOWN


def ours(model: Path, picture: NDArray[np.uint8] = BLACK) -> list[list[float]]:
    """Our boxes, rounded to a hundredth of a pixel."""
    return [[round(float(edge), 2) for edge in box] for box in read(load(model), picture).boxes]


def theirs(model: Path, picture: NDArray[np.uint8] = BLACK) -> list[list[float]]:
    """The boxes of Model API."""
    boxes: list[list[float]] = Reference(model).detect(picture).boxes.tolist()
    return boxes


def fixed(
    folder: Path,
    *,
    boxes: list[list[float]],
    metadata: Mapping[str, str] | None = None,
    batched: bool = True,
    labelled: bool = True,
    side: int = SIDE,
) -> Path:
    """Write a model that finds these boxes in every image."""
    table = np.array(boxes, np.float32)
    labels = np.zeros(len(boxes), np.int64)
    outputs: dict[str, Array] = {"boxes": table[None] if batched else table}
    if labelled:
        outputs["labels"] = labels[None] if batched else labels
    return _write(folder, outputs, side, metadata or {})


def ssd(folder: Path, rows: list[list[float]], *, saliency: bool = False) -> Path:
    """Write a model with SSD rows, and with a saliency map beside them."""
    outputs: dict[str, Array] = {"rows": np.array(rows, np.float32)[None, None]}
    if saliency:
        outputs["saliency_map"] = np.zeros((1, 2, 4, 4), np.uint8)
    return _write(folder, outputs, SIDE, {})


def _write(
    folder: Path,
    outputs: Mapping[str, Array],
    side: int,
    metadata: Mapping[str, str],
) -> Path:
    image = ops.parameter([1, 3, side, side], np.float32, "image")
    image.output(0).set_names({"image"})
    results = []
    for name, values in outputs.items():
        node = _copied(values, image) if values.dtype == np.float32 else ops.constant(values)
        node.output(0).set_names({name})
        results.append(ops.result(node))
    model = ov.Model(results, [image], "fixed")
    for key, value in metadata.items():
        model.set_rt_info(value, ["model_info", key])
    path = folder / "fixed.xml"
    ov.save_model(model, path, compress_to_fp16=False)
    return path


def _copied(values: Array, image: Node) -> Node:
    """A constant that is written anew for each image: Model API divides it in place."""
    axes = ops.constant(np.array([0, 1, 2, 3], np.int64))
    nothing = ops.multiply(
        ops.reduce_max(image, axes, False), ops.constant(np.zeros(1, np.float32))
    )
    return ops.add(ops.constant(values), nothing)
