"""Images, options and paths that cannot be sent, and unusual ones that can."""

import asyncio
import ctypes
import mmap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from facewire.v1 import detect_pb2 as pb
from facewire_client import AsyncFaceClient, FaceClient, FaceClientError
from facewire_client.request import Image
from tests.client.fake_server import FakeServer

Detect = Callable[..., object]


def blocking(target: str, image: Any, **options: Any) -> object:
    with FaceClient(target) as client:
        return client.detect(image, **options)


def asynchronous(target: str, image: Any, **options: Any) -> object:
    async def main() -> object:
        async with AsyncFaceClient(target) as client:
            return await client.detect(image, **options)

    return asyncio.run(main())


both = pytest.mark.parametrize("detect", [blocking, asynchronous])


def released() -> memoryview:
    view = memoryview(bytes(12)).cast("B", (2, 2, 3))
    view.release()
    return view


def closed() -> mmap.mmap:
    mapped = mmap.mmap(-1, 4096)
    mapped.close()
    return mapped


ODD: dict[str, tuple[Any, str]] = {
    "released": (released(), "BAD_RAW_IMAGE"),
    "closed": (closed(), "BAD_RAW_IMAGE"),
    "dates": (np.zeros((4, 4, 3), "M8[s]"), "BAD_RAW_IMAGE"),
    "objects": (np.zeros((4, 4, 3), object), "BAD_RAW_IMAGE"),
    "halves": (np.zeros((4, 4, 3), np.float16), "BAD_RAW_IMAGE"),
    "structures": (np.zeros((4, 4), [("a", "u1"), ("b", "u1")]), "BAD_RAW_IMAGE"),
    "scalar": (np.zeros((), np.uint8), "BAD_RAW_IMAGE"),
    "no rows": (np.zeros((0, 4, 3), np.uint8), "BAD_RAW_IMAGE"),
    "no columns": (np.zeros((4, 0), np.uint8), "BAD_RAW_IMAGE"),
    "no pixels, too many rows": (np.zeros((1 << 40, 0), np.uint8), "BAD_RAW_IMAGE"),
    "huge": (
        np.broadcast_to(np.zeros(1, np.uint8), (1 << 20, 1 << 20, 3)),
        "MESSAGE_TOO_LARGE",
    ),
    "huge file": (
        np.broadcast_to(np.zeros(1, np.uint8), (1 << 45,)),
        "MESSAGE_TOO_LARGE",
    ),
    "NUL": ("a\0b.jpg", "UNREADABLE_FILE"),
    "no text": ("\ud800.jpg", "UNREADABLE_FILE"),
    "long": ("x" * 5000, "UNREADABLE_FILE"),
    "folder": (Path("/"), "UNREADABLE_FILE"),
    "no name": ("", "UNREADABLE_FILE"),
    "endless": ("/dev/zero", "MESSAGE_TOO_LARGE"),
}


@both
@pytest.mark.parametrize(("image", "reason"), ODD.values(), ids=ODD)
def test_an_image_that_cannot_be_sent_is_refused_with_its_reason(
    fake: FakeServer, detect: Detect, image: Any, reason: str
) -> None:
    with pytest.raises(FaceClientError) as caught:
        detect(fake.target, image)
    assert caught.value.reason == reason
    assert fake.calls == 0


@both
@pytest.mark.parametrize("image", [None, 3, ["a.jpg"], object()])
def test_an_object_of_another_type_is_a_type_error(
    fake: FakeServer, detect: Detect, image: Any
) -> None:
    with pytest.raises(TypeError, match=type(image).__name__):
        detect(fake.target, image)


@both
@pytest.mark.parametrize(
    "options",
    [
        {"model": 3},
        {"min_confidence": "high"},
        {"max_detections": 1.5},
        {"tiling": "on"},
        {"timeout": "5"},
        {"no_such_option": 1},
    ],
    ids=str,
)
def test_an_option_of_another_type_is_a_type_error(
    fake: FakeServer, detect: Detect, options: dict[str, Any]
) -> None:
    with pytest.raises(TypeError):
        detect(fake.target, b"x", **options)
    assert fake.calls == 0


@both
def test_the_model_none_is_the_default_one(fake: FakeServer, detect: Detect) -> None:
    detect(fake.target, b"x", model=None)
    assert fake.requests[-1].model == ""


def test_a_model_or_service_that_is_no_unicode_is_refused(client: FaceClient) -> None:
    for call in (
        lambda: client.model("\udcff"),
        lambda: client.health("\udcff"),
        lambda: client.health(model="\udcff"),
    ):
        with pytest.raises(FaceClientError) as caught:
            call()
        assert caught.value.reason == "BAD_OPTION"


@pytest.mark.parametrize(
    "image",
    [
        (ctypes.c_ubyte * 7)(*b"a photo"),
        np.frombuffer(b"a-p-h-o-t-o", np.uint8)[::2],
        np.frombuffer(b"otohp a", np.uint8)[::-1],
    ],
    ids=["ctypes", "strided", "reversed"],
)
def test_unusual_buffers_of_bytes_are_an_image_file(
    client: FaceClient, fake: FakeServer, image: Image
) -> None:
    client.detect(image)
    assert fake.requests[-1].encoded_image in (b"a photo", b"aphoto")


def test_a_path_in_bytes_is_read_from_a_path_like(
    client: FaceClient, fake: FakeServer, tmp_path: Path
) -> None:
    class Named:
        def __fspath__(self) -> bytes:
            return bytes(tmp_path / "photo.jpg")

    (tmp_path / "photo.jpg").write_bytes(b"a photo")
    image: Any = Named()
    client.detect(image)
    assert fake.requests[-1].encoded_image == b"a photo"


def test_a_raw_image_over_the_limit_is_not_copied(fake: FakeServer) -> None:
    image = pb.RawImage(data=bytes(2 << 20))
    with (
        FaceClient(fake.target, max_message_mb=1) as client,
        pytest.raises(FaceClientError) as caught,
    ):
        client.detect(image)
    assert caught.value.reason == "MESSAGE_TOO_LARGE"
