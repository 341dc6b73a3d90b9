"""Our two ways to read a model: the detector alone, and a server."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from facewire_client import FaceClient
from facewire_server.config import Config
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.inference.detector import Detector, Options
from facewire_server.inference.runtime import Runtime
from facewire_server.lifecycle.background import BackgroundServer
from facewire_server.models.source import Source
from tests.differential.detected import Detected

Pixels = NDArray[np.uint8]
Read = Callable[[Pixels, float], Detected]
"""Detects in a picture [H,W,3], RGB, with this `min_confidence`."""


def load(path: Path) -> Detector:
    """Load a model in f32."""
    return Detector(Source.find(str(path)), Runtime(inference_precision="f32", requests=1))


def read(detector: Detector, rgb: Pixels, min_confidence: float | None = None) -> Detected:
    """Detect without a server; None: with the model's own threshold."""
    height, width = rgb.shape[:2]
    image = RawImage(data=rgb.tobytes(), width=width, height=height, layout=PixelLayout.RGB)
    options = Options(min_confidence=min_confidence)
    found = detector.detect(image, options, ImageLimits(width * height)).found
    return Detected.of(found.boxes, found.confidences, found.class_ids)


@contextmanager
def served(path: Path) -> Iterator[Read]:
    """Serve a model in f32, and detect over gRPC."""
    config = Config(
        models=(str(path),),
        port=0,
        metrics_port=None,
        inference_precision="f32",
        compile_cache=False,
    )
    with BackgroundServer(config) as server, FaceClient(server.target) as client:

        def read_served(rgb: Pixels, min_confidence: float) -> Detected:
            bgr = np.ascontiguousarray(rgb[:, :, ::-1])
            faces = client.detect(bgr, min_confidence=min_confidence).faces
            return Detected.of(
                [face.box for face in faces],
                [face.confidence for face in faces],
                [face.class_id for face in faces],
            )

        yield read_served
