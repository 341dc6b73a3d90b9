"""The real client and the real server, with the embedded model."""

import asyncio

import pytest

from facewire_client import (
    AsyncFaceClient,
    DetectResult,
    FaceClient,
    FaceClientError,
    StreamResult,
)
from facewire_client.request import DetectOptions
from facewire_server.lifecycle.background import BackgroundServer


def check(result: DetectResult) -> None:
    """Check the position of the photo's one face."""
    (face,) = result.faces
    left, top, right, bottom = face.box
    assert result.image_size == (512, 512)
    assert 150 < left < 224 < right < 300
    assert 30 < top < 120 < bottom < 220
    assert face.confidence > 0.5
    assert face.label == "face"
    assert result.timing.total_us >= result.timing.inference_us > 0


def test_one_face_is_found(real: BackgroundServer, photo: bytes) -> None:
    with FaceClient(real.target) as client:
        result = client.detect(photo)
        check(result)
        assert client.health()
        assert client.health("facewire.v1.DetectService")
        assert result.model == client.model().name == client.models()[0].name


def test_asyncio_finds_it(real: BackgroundServer, photo: bytes) -> None:
    async def main() -> DetectResult:
        async with AsyncFaceClient(real.target) as client:
            return await client.detect(photo)

    check(asyncio.run(main()))


def test_streams_find_it_and_survive_a_file_that_is_no_photo(
    real: BackgroundServer, photo: bytes
) -> None:
    images = [photo, b"no photo", photo]

    async def main() -> list[StreamResult]:
        async with AsyncFaceClient(real.target) as client:
            return [answer async for answer in client.detect_stream(images)]

    with FaceClient(real.target) as client:
        answers = list(client.detect_stream(images))
    for first, second, third in answers, asyncio.run(main()):
        check(first.unwrap())
        assert second.error is not None
        assert second.error.reason == "UNSUPPORTED_FORMAT"
        check(third.unwrap())


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (DetectOptions(min_confidence=2), "BAD_OPTION"),
        (DetectOptions(max_detections=0), "BAD_OPTION"),
        (DetectOptions(model="absent"), "UNKNOWN_MODEL"),
    ],
)
def test_options_that_the_server_refuses_are_errors(
    real: BackgroundServer, photo: bytes, options: DetectOptions, reason: str
) -> None:
    with FaceClient(real.target) as client, pytest.raises(FaceClientError) as caught:
        client.detect(photo, **options)
    assert caught.value.reason == reason
