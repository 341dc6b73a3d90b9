"""The requests of the client, made of images, options and names.

An array is anything with the buffer protocol, so that this module needs no NumPy.
"""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from os import PathLike, fsdecode
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias, TypedDict, TypeVar, cast

import grpc
from grpc_health.v1.health_pb2 import HealthCheckRequest

from facewire.v1 import detect_pb2
from facewire_client.errors import FaceClientError, message_too_large

if TYPE_CHECKING:
    from typing_extensions import Buffer


T = TypeVar("T")

_SERVICE = "facewire.v1.DetectService"


class Array(Protocol):
    """A NumPy array, which NumPy's types declare a Buffer only from Python 3.12 on."""

    @property
    def __array_interface__(self) -> dict[str, Any]: ...


Image: TypeAlias = "str | PathLike[str] | Buffer | Array | detect_pb2.RawImage"

_FORMATS = {
    1: detect_pb2.PIXEL_FORMAT_GRAY,
    3: detect_pb2.PIXEL_FORMAT_BGR,
    4: detect_pb2.PIXEL_FORMAT_BGRA,
}


_TILING = {
    None: detect_pb2.TILING_POLICY_UNSPECIFIED,
    False: detect_pb2.TILING_POLICY_OFF,
    True: detect_pb2.TILING_POLICY_ON,
}


class DetectOptions(TypedDict, total=False):
    """The options of a detection; the server chooses what is left out or None.

    `model` is a name as `models()` spells it. A detection is kept when its confidence is at
    least `min_confidence`, in [0, 1]. Of two whose intersection over union is above
    `iou_threshold`, in [0, 1], the less confident is dropped. At most `max_detections` are
    returned, the most confident ones. With `tiling` the image is looked at in overlapping tiles,
    too, which finds smaller faces and takes longer; False: only as a whole.
    """

    model: str | None
    min_confidence: float | None
    iou_threshold: float | None
    max_detections: int | None
    tiling: bool | None


def fill_request(
    request: detect_pb2.DetectRequest,
    image: Image,
    *,
    limit: int,
    model: str | None = None,
    min_confidence: float | None = None,
    iou_threshold: float | None = None,
    max_detections: int | None = None,
    tiling: bool | None = None,
) -> None:
    """Fill an empty message with an image and options.

    A str or PathLike is the path of an image file; bytes, or an array of one dimension, are the
    contents of such a file. A uint8 array of the shape [H, W, 3] (BGR), [H, W, 4] (BGRA),
    [H, W] or [H, W, 1] (grey) is pixels; it may be a view into a larger array. A RawImage is
    sent unchanged.

    Raises FaceClientError with INVALID_ARGUMENT when the file cannot be read (UNREADABLE_FILE),
    the array is no image (BAD_RAW_IMAGE) or a message cannot hold an option (BAD_OPTION; the
    server checks the ranges), and with RESOURCE_EXHAUSTED (MESSAGE_TOO_LARGE) for an image of
    more than `limit` bytes, of which at most `limit` + 1 are read and none copied. Raises
    TypeError for an `image` or an option of another type.
    """
    if tiling not in (None, False, True):
        raise TypeError(f"tiling must be a bool or None, not {tiling!r}")
    with _sendable():
        if model is not None:
            request.model = model
        request.options.CopyFrom(
            detect_pb2.DetectOptions(
                min_confidence=min_confidence,
                iou_threshold=iou_threshold,
                max_detections=max_detections,
                tiling=_TILING[tiling],
            )
        )
    if isinstance(image, detect_pb2.RawImage):
        _check_size(len(image.data), limit)
        request.raw_image.CopyFrom(image)
    elif isinstance(image, str | PathLike):
        request.encoded_image = _read(image, limit)
    else:
        _add_buffer(request, image, limit)


async def call_with_file(image: Image, build: Callable[[], T]) -> T:
    """Return `build()`, which makes a request of `image`; in a thread if it reads a file."""
    if isinstance(image, str | PathLike):
        return await asyncio.to_thread(build)
    return build()


def health_request(service: str, model: str) -> HealthCheckRequest:
    """Ask for the health of a service or of a model; of the server when both are empty.

    Raises ValueError for both, and FaceClientError (BAD_OPTION) for a name that is no Unicode.
    """
    if service and model:
        raise ValueError("give a service or a model, not both")
    with _sendable():
        return HealthCheckRequest(service=f"{_SERVICE}/{model}" if model else service)


def model_request(name: str) -> detect_pb2.GetModelRequest:
    """Ask for a model. Raises FaceClientError (BAD_OPTION) for a name that is no Unicode."""
    with _sendable():
        return detect_pb2.GetModelRequest(name=name)


@contextmanager
def _sendable() -> Iterator[None]:
    """Raise FaceClientError (BAD_OPTION) for a value that a message cannot hold."""
    try:
        yield
    except ValueError as error:
        raise _invalid_argument("BAD_OPTION", f"an option cannot be sent: {error}") from error


def _check_size(size: int, limit: int) -> None:
    if size > limit:
        raise message_too_large(size, limit)


def _read(path: "str | PathLike[str]", limit: int) -> bytes:
    try:
        with open(path, "rb") as file:
            content = file.read(limit + 1)
    except (OSError, ValueError) as error:
        # ValueError: a name with a NUL, or with characters that the file system cannot encode.
        why = getattr(error, "strerror", None) or str(error)
        message = f"cannot read {fsdecode(path)}: {why}"
        raise _invalid_argument("UNREADABLE_FILE", message) from error
    _check_size(len(content), limit)
    return content


def _add_buffer(request: detect_pb2.DetectRequest, image: "Buffer | Array", limit: int) -> None:
    view = _view(image)
    shape = view.shape or ()
    channels = shape[2] if len(shape) == 3 else 1
    is_image = (
        view.format.lstrip("@=<>!") == "B"  # the format of a ctypes array is "<B"
        and len(shape) in (1, 2, 3)
        and channels in _FORMATS
        and (len(shape) == 1 or 0 not in shape)
    )
    if not is_image:
        raise _invalid_argument(
            "BAD_RAW_IMAGE",
            f"an array of shape {list(shape)} and format {view.format!r} is no image: "
            "give [H, W, 3] BGR, [H, W, 4] BGRA or [H, W] grey, of type uint8",
        )
    _check_size(view.nbytes, limit)
    if len(shape) == 1:
        request.encoded_image = image if isinstance(image, bytes) else view.tobytes()
        return
    raw = request.raw_image
    raw.height, raw.width = shape[:2]
    raw.pixel_format = _FORMATS[channels]
    raw.data = _packed(view, raw.height)


def _view(image: "Buffer | Array") -> memoryview:
    try:
        return memoryview(cast("Buffer", image))
    except TypeError:
        raise TypeError(
            "an image is a path, the bytes of an image file or an array, "
            f"not {type(image).__name__}"
        ) from None
    except (ValueError, BufferError) as error:
        # The buffer is released or closed, or memoryview does not know its format.
        what = f"a {type(image).__name__} is no image"
        raise _invalid_argument("BAD_RAW_IMAGE", f"{what}: {error}") from error


def _packed(view: memoryview, rows: int) -> bytes:
    """Copy the samples of a view of two or three dimensions, without padding."""
    if view[:1].c_contiguous and not view.c_contiguous:
        # The view is a crop. `tobytes` copies such a view sample by sample, which takes four
        # times as long as row by row.
        return b"".join([view[row : row + 1] for row in range(rows)])
    return view.tobytes()


def _invalid_argument(reason: str, message: str) -> FaceClientError:
    return FaceClientError(grpc.StatusCode.INVALID_ARGUMENT, reason, message)
