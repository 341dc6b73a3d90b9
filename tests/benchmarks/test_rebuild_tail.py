"""The rebuild's tail in the graph, held against the extension on its raw head."""

from itertools import islice

import numpy as np
import pytest
from openvino import Model

from benchmarks.rebuild_0206 import views
from facewire_server.inference.heads.base import Found
from tests.benchmarks.narrow import NARROW
from tests.benchmarks.rebuild_runner import Runner
from tests.ext.reference import iou
from tests.server.rebuild.network import raw_network
from tests.server.rebuild.tail import with_tail


@pytest.fixture(scope="module")
def raw() -> Model:
    return raw_network(NARROW, seed=0)


@pytest.fixture(scope="module")
def tail(raw: Model) -> Runner:
    return Runner(with_tail(raw), NARROW.side)


def test_its_outputs_have_the_published_form(raw: Model) -> None:
    ports = [(port.names, tuple(port.shape)) for port in with_tail(raw).outputs]
    assert ports == [({"boxes"}, (750, 5)), ({"labels"}, (750,))]


def test_unused_rows_have_no_confidence_and_no_label(tail: Runner) -> None:
    tail.infer(next(views(NARROW.side, seed=0)))
    boxes, labels = tail.outputs
    used = boxes[:, 4] > 0
    assert 0 < used.sum() < 750
    assert np.all(labels == np.where(used, 0, -1))
    assert np.all(boxes[used, 4] > 0.02)


def test_the_extension_finds_the_same_boxes_as_the_tail(raw: Model, tail: Runner) -> None:
    headless = Runner(raw, NARROW.side)
    for image in islice(views(NARROW.side, seed=1), 5):
        for runner in (tail, headless):
            runner.infer(image)
        check_same(tail.read(), headless.read())


def check_same(expected: Found, found: Found) -> None:
    """Match each expected box to its closest: IoU over 0.99, confidence within 1e-3."""
    assert len(expected.confidences) == len(found.confidences) > 0
    for box, confidence in zip(expected.boxes, expected.confidences, strict=True):
        overlaps = iou(box.astype(float), found.boxes.astype(float))
        errors = np.abs(found.confidences - confidence)
        # Boxes clipped at an edge may coincide: their confidences tell them apart.
        closest = np.argmax(overlaps - errors)
        assert overlaps[closest] > 0.99
        assert errors[closest] <= 1e-3
