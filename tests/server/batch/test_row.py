"""Whatever happens to a photo becomes its row, in the columns of the output."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from facewire_server.batch.row import NUMBER, SCHEMA, TRACE, Rows, reasons, table_of
from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import EncodedImage
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detections, Options, Stages
from facewire_server.inference.heads.base import Found
from facewire_server.models.description import Description

LIMITS = ImageLimits(pixels=1000)


def described(landmarks: bool = False) -> Description:
    return Description(
        name="one",
        labels=("face",),
        head="",
        resize="",
        input_width=1,
        input_height=1,
        device="CPU",
        precision="FP32",
        sha256="0123456789abcdef",
        min_confidence=0.5,
        iou_threshold=0.5,
        landmarks=landmarks,
    )


@dataclass
class Fake:
    """A detector that finds what it is given, or raises it."""

    found: Found | Exception = field(default_factory=lambda: Found.allocate(0))
    description: Description = field(default_factory=described)
    seen: list[EncodedImage] = field(default_factory=list)

    def detect(self, image: EncodedImage, options: Options, limits: ImageLimits) -> Detections:
        self.seen.append(image)
        assert (options, limits) == (Options(max_detections=3), LIMITS)
        if isinstance(self.found, Exception):
            raise self.found
        return Detections(self.description, self.found, 40, 30, Stages())


def row(fake: Fake, read: Callable[[], bytes] = lambda: b"photo") -> dict[str, Any]:
    """The row in the types of its columns."""
    made = Rows(fake, Options(max_detections=3), LIMITS).of(7, "a.jpg", read)
    (arrived,) = table_of([made]).to_pylist()
    return dict(arrived)


def test_a_photo_with_faces_has_all_columns() -> None:
    found = Found(
        np.array([[1, 2, 3, 4.5], [5, 6, 7, 8]], np.float32),
        np.array([0.75, 0.5], np.float32),
        np.array([0, 9], np.int32),
        np.arange(20, dtype=np.float32).reshape(2, 10),
    )
    fake = Fake(found, described(landmarks=True))
    assert row(fake) == {
        "source": "a.jpg",
        "size": {"width": 40, "height": 30},
        "boxes": [[1, 2, 3, 4.5], [5, 6, 7, 8]],
        "confidences": [0.75, 0.5],
        "labels": ["face", ""],
        "landmarks": [[[x, x + 1] for x in range(s, s + 10, 2)] for s in (0, 10)],
        "model": "one",
        "version": "0123456789ab",
        "error": None,
        NUMBER: 7,
        TRACE: None,
    }
    assert fake.seen == [EncodedImage(b"photo")]


def test_a_model_without_landmarks_has_null() -> None:
    assert row(Fake())["landmarks"] is None
    assert row(Fake(ValueError()))["landmarks"] is None
    assert row(Fake(ValueError(), described(landmarks=True)))["landmarks"] == []


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RequestError(Reason.CORRUPT_IMAGE, "it is cut"), "CORRUPT_IMAGE: it is cut"),
        (MemoryError(), "OUT_OF_MEMORY: there is no memory for this image now"),
        (ZeroDivisionError("by\nzero"), "INTERNAL: ZeroDivisionError: by zero"),
    ],
)
def test_a_photo_that_fails_has_its_reason(error: Exception, expected: str) -> None:
    failed = row(Fake(error))
    assert failed["error"] == expected
    assert (failed["source"], failed["model"], failed[NUMBER]) == ("a.jpg", "one", 7)
    assert failed["size"] is None
    assert failed["boxes"] == failed["confidences"] == failed["labels"] == []
    is_unforeseen = isinstance(error, ZeroDivisionError)
    assert ("ZeroDivisionError: by" in (failed[TRACE] or "")) == is_unforeseen


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (RequestError(Reason.IMAGE_TOO_LARGE, "it is"), "IMAGE_TOO_LARGE: it is"),
        (
            FileNotFoundError(2, "No such file or directory"),
            "UNREADABLE: No such file or directory",
        ),
        (RuntimeError("s3://me:secret@host fails"), "UNREADABLE: s3://host fails"),
    ],
)
def test_a_photo_that_cannot_be_read_has_its_reason(error: Exception, expected: str) -> None:
    def fail() -> bytes:
        raise error

    fake = Fake()
    assert row(fake, fail)["error"] == expected
    assert not fake.seen


def test_photos_may_be_asked_for_at_their_full_size() -> None:
    fake = Fake()
    Rows(fake, Options(max_detections=3), LIMITS, reducible=False).of(0, "", lambda: b"")
    assert not fake.seen[0].reducible


def test_columns_keep_their_types_when_all_values_are_null() -> None:
    failed = Rows(Fake(), Options(), LIMITS).failed(0, "a", "INTERNAL", "text")
    table = table_of([failed])
    assert table.select(SCHEMA.names).schema == SCHEMA
    assert table.schema.field("landmarks").type == SCHEMA.field("landmarks").type
    assert pa.types.is_fixed_size_list(SCHEMA.field("boxes").type.value_type)


def test_reasons_are_what_errors_begin_with() -> None:
    assert reasons(["A: b: c", "D: "]) == ["A", "D"]
