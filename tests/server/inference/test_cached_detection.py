"""A result is answered from the cache for the very same request, and for no other."""

from dataclasses import replace

import numpy as np
import pytest

from facewire_server.errors import RequestError
from facewire_server.image.decode import EncodedImage, Image
from facewire_server.image.limits import ImageLimits
from facewire_server.image.picture import PixelLayout
from facewire_server.image.raw import RawImage
from facewire_server.inference.detector import Detections, Detector, Options
from facewire_server.inference.response_cache import (
    HASHED_AT_ONCE,
    CachedDetection,
    ResponseCache,
)
from facewire_server.inference.runtime import Runtime
from facewire_server.models.source import EMBEDDED, Source
from tests.server.cache_counts import Counts

LIMITS = ImageLimits(1_000_000)
DEFAULTS = Options()

RAW = RawImage(data=bytes(64 * 64 * 3), width=64, height=64, layout=PixelLayout.BGR)
NV12 = RawImage(
    data=bytes(72 * 64 * 2), width=64, height=64, layout=PixelLayout.NV12, plane_rows=64
)
TEXT = EncodedImage(b"no image")


@pytest.fixture(scope="module")
def detector() -> Detector:
    return Detector(Source.find(EMBEDDED), Runtime())


@pytest.fixture
def counts() -> Counts:
    return Counts()


@pytest.fixture
def cache(counts: Counts) -> ResponseCache:
    return ResponseCache(1 << 20, counts)


def asked(
    cache: ResponseCache,
    detector: Detector,
    image: Image,
    options: Options = DEFAULTS,
    limits: ImageLimits = LIMITS,
) -> CachedDetection:
    return CachedDetection(cache, detector, image, options, limits)


def run(detection: CachedDetection) -> Detections:
    return detection.run(lambda: False)


@pytest.mark.parametrize(
    ("image", "other"),
    [
        (RAW, replace(RAW, data=bytes(64 * 64 * 3 - 1) + b"\1")),
        (RAW, EncodedImage(RAW.data)),
        (RAW, replace(RAW, layout=PixelLayout.RGB)),
        (RAW, replace(RAW, width=32, height=128)),
        (RAW, replace(RAW, width=32, row_stride=64 * 3)),
        (NV12, replace(NV12, plane_rows=72)),
        (NV12, replace(NV12, layout=PixelLayout.I420)),
        (TEXT, replace(TEXT, reducible=False)),
        (TEXT, EncodedImage(b"no image.")),
    ],
)
def test_an_image_that_differs_in_anything_has_another_result(
    detector: Detector, cache: ResponseCache, image: Image, other: Image
) -> None:
    answered = asked(cache, detector, image)
    assert answered.early() is None
    cache.put(answered._digest, detector.detect(RAW, DEFAULTS, LIMITS))
    assert asked(cache, detector, image).early() is not None
    assert asked(cache, detector, other).early() is None


@pytest.mark.parametrize(
    "other",
    [
        Options(min_confidence=0.5),
        Options(min_confidence=0.25),
        Options(iou_threshold=0.5),
        Options(max_detections=1),
    ],
)
def test_other_options_limits_and_loads_have_another_result(
    detector: Detector, cache: ResponseCache, other: Options
) -> None:
    run(asked(cache, detector, RAW))
    assert asked(cache, detector, RAW).early() is not None
    assert asked(cache, detector, RAW, other).early() is None
    assert asked(cache, detector, RAW, limits=ImageLimits(64 * 64)).early() is None
    again = Detector(detector.source, Runtime())
    assert again.description == detector.description
    assert asked(cache, again, RAW).early() is None


def test_a_result_from_the_cache_has_the_rows_of_the_first(
    detector: Detector, cache: ResponseCache, counts: Counts, photo: bytes
) -> None:
    options = Options(min_confidence=0.01)
    first, second = (run(asked(cache, detector, EncodedImage(photo), options)) for _ in range(2))
    assert (first.cached, second.cached) == (False, True)
    assert len(first.found.boxes) > 1
    for one, other in zip(first.found.arrays, second.found.arrays, strict=True):
        np.testing.assert_array_equal(one, other)
    assert (second.width, second.height, second.model) == (512, 512, first.model)
    assert (counts.hits, counts.misses) == (1, 1)


def test_a_result_that_came_meanwhile_is_found_without_a_checkpoint(
    detector: Detector, cache: ResponseCache
) -> None:
    first, second = asked(cache, detector, RAW), asked(cache, detector, RAW)
    assert (first.early(), second.early()) == (None, None)
    run(first)
    assert second.run(pytest.fail).cached


def test_errors_are_not_kept(detector: Detector, cache: ResponseCache, counts: Counts) -> None:
    for _ in range(2):
        with pytest.raises(RequestError, match="text"):
            run(asked(cache, detector, TEXT))
    assert (counts.hits, counts.misses, counts.size) == (0, 2, 0)


def test_a_large_image_is_hashed_by_a_worker_only(detector: Detector, cache: ResponseCache) -> None:
    rows = HASHED_AT_ONCE // 512
    image = RawImage(data=bytes(512 * rows), width=512, height=rows, layout=PixelLayout.GRAY)
    larger = replace(image, data=bytes(512 * (rows + 1)), height=rows + 1)
    for each in (image, larger):
        run(asked(cache, detector, each))
    assert asked(cache, detector, image).early() is not None
    assert asked(cache, detector, larger).early() is None
    assert run(asked(cache, detector, larger)).cached
