"""Published models find what a plain OpenVINO script finds, on real photos.

The script has no code of the server: it decodes and resizes with OpenCV, and reads the outputs
as Open Model Zoo documents them.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import cv2
import grpc
import numpy as np
import openvino as ov
import pytest
from click.testing import CliRunner
from numpy.typing import NDArray

from facewire.v1 import detect_pb2 as pb
from facewire.v1.detect_pb2_grpc import DetectServiceStub
from facewire_server.cli.models import models
from facewire_server.config import Config
from facewire_server.lifecycle.background import BackgroundServer

SHARED = Path(__file__).parents[3] / "shared"
PHOTOS = sorted((SHARED / "faces").rglob("*.jpg"))
MIRROR = SHARED / "models"
PATHS = {
    "face-detection-0205": MIRROR / "face-detection-0205/FP16/face-detection-0205.xml",
    "face-detection-0200": MIRROR / "face-detection-0200-2021/FP16/face-detection-0200.xml",
}

THRESHOLD = 0.5
OPTIONS = pb.DetectOptions(min_confidence=THRESHOLD)
TOLERANCE = 1e-3
"""Pixels by which boxes may differ: coordinates are float32, and scaled by other steps."""

Rows = NDArray[np.float64]
"""Of each box: confidence, x_min, y_min, x_max, y_max in pixels of the photo."""


Outputs = list[NDArray[Any]]
"""The outputs of a network, in its order."""


class Script:
    """A plain OpenVINO script, in f32."""

    def __init__(self, path: Path, read: Callable[[Outputs, int], Rows]) -> None:
        """`read` gets the outputs and the side of the input in pixels."""
        properties = {"INFERENCE_PRECISION_HINT": "f32"}
        self._request = ov.Core().compile_model(path, "CPU", properties).create_infer_request()
        self._input = self._request.get_input_tensor().data
        self.side = self._input.shape[-1]
        self._count = len(self._request.model_outputs)
        self._read = read

    def __call__(self, pixels: NDArray[np.uint8]) -> Rows:
        """Find faces in BGR pixels; the most confident come first."""
        height, width = pixels.shape[:2]
        resized = cv2.resize(pixels, (self.side, self.side), interpolation=cv2.INTER_LINEAR)
        self._input[:] = resized.transpose(2, 0, 1)
        self._request.infer()
        outputs = [self._request.get_output_tensor(i).data for i in range(self._count)]
        rows = self._read(outputs, self.side)
        rows = rows[rows[:, 0] >= THRESHOLD]
        rows = rows[np.argsort(-rows[:, 0], kind="stable")]
        corner = np.array((width, height, width, height))
        rows[:, 1:] = np.clip(rows[:, 1:] * corner, 0, corner)
        return rows


def boxes_and_labels(outputs: Outputs, side: int) -> Rows:
    """`boxes` [N,5]: corners in pixels of the input, confidence; `labels` [N], all 0."""
    boxes = outputs[0].astype(np.float64)
    return np.column_stack((boxes[:, 4], boxes[:, :4] / side))


def ssd_rows(outputs: Outputs, side: int) -> Rows:
    """`detection_out` [1,1,200,7]: image, label, confidence, corners from 0 to 1.

    The first row of a negative image ends the list.
    """
    rows = outputs[0][0, 0].astype(np.float64)
    (ends,) = np.nonzero(rows[:, 0] < 0)
    return np.array(rows[: ends[0] if len(ends) else None, 2:])


SIDES = {"face-detection-0205": 416, "face-detection-0200": 256}
"""The side of each input in pixels."""

READERS = {"face-detection-0205": boxes_and_labels, "face-detection-0200": ssd_rows}


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache with face-detection-0205, pulled from the mirror, which has what is published."""
    for path in PATHS.values():
        if not path.is_file():
            pytest.skip("../shared/models is not here")
    folder = tmp_path_factory.mktemp("cache")
    arguments = ("pull", "face-detection-0205", "--mirror", str(MIRROR), "--cache", str(folder))
    result = CliRunner().invoke(models, arguments)
    assert result.exit_code == 0, result.output
    assert "checked" in result.output
    return folder


@pytest.fixture(scope="module")
def stub(cache: Path) -> Iterator[DetectServiceStub]:
    """A server of 0205 by its name and of 0200, of an earlier release, by its path."""
    config = Config(
        port=0,
        metrics_port=None,
        models=("face-detection-0205", str(PATHS["face-detection-0200"])),
        cache=cache,
        inference_precision="f32",
    )
    with BackgroundServer(config) as server, grpc.insecure_channel(server.target) as channel:
        yield DetectServiceStub(channel)


def served(stub: DetectServiceStub, request: pb.DetectRequest) -> Rows:
    found = stub.Detect(request, timeout=60).detections
    assert all(each.label == "face" for each in found)
    rows = [
        (each.confidence, each.box.x_min, each.box.y_min, each.box.x_max, each.box.y_max)
        for each in found
    ]
    return np.array(rows, np.float64).reshape(-1, 5)


def requests(model: str, file: bytes, pixels: NDArray[np.uint8]) -> Iterator[pb.DetectRequest]:
    """The photo as pixels and, unless it is so large that it is decoded smaller, as a file."""
    height, width = pixels.shape[:2]
    image = pb.RawImage(
        data=pixels.tobytes(), width=width, height=height, pixel_format=pb.PIXEL_FORMAT_BGR
    )
    yield pb.DetectRequest(raw_image=image, model=model, options=OPTIONS)
    if min(width, height) < 2 * SIDES[model]:
        yield pb.DetectRequest(encoded_image=file, model=model, options=OPTIONS)


@pytest.mark.parametrize("model", PATHS)
def test_a_server_finds_what_a_plain_script_finds(stub: DetectServiceStub, model: str) -> None:
    if not PHOTOS:
        pytest.skip("../shared/faces is not here")
    script = Script(PATHS[model], READERS[model])
    assert script.side == SIDES[model]
    total = 0
    for path in PHOTOS:
        pixels = np.asarray(cv2.imread(str(path), cv2.IMREAD_COLOR), np.uint8)
        expected = script(pixels)
        total += len(expected)
        for request in requests(model, path.read_bytes(), pixels):
            rows = served(stub, request)
            assert len(rows) == len(expected), path.name
            np.testing.assert_array_equal(rows[:, 0], expected[:, 0], path.name)
            np.testing.assert_allclose(rows[:, 1:], expected[:, 1:], 0, TOLERANCE)
    assert total > 4 * len(PHOTOS)
