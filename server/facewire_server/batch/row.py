"""One photo, one row: the columns of the output, and how a photo becomes a row.

Rule: whatever happens to one photo becomes its row.
"""

import logging
import traceback
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pyarrow as pa

from facewire_server.batch.store import short_message
from facewire_server.errors import Reason, RequestError
from facewire_server.image.decode import EncodedImage
from facewire_server.image.limits import ImageLimits
from facewire_server.inference.detector import Detections, Options
from facewire_server.models.description import Description

logger = logging.getLogger("facewire_server.batch")

UNREADABLE = "UNREADABLE"
"""The reason of a photo whose bytes cannot be read: it vanished, or its store fails."""

INTERNAL = "INTERNAL"
"""The reason of an unforeseen error; its trace is in the log."""

WORKER_DIED = "WORKER_DIED"
"""The reason of a photo that ended the process of each worker that had it."""

NO_MEMORY = "there is no memory for this image now"

POINT = pa.list_(pa.float32(), 2)
SCHEMA = pa.schema(
    [
        pa.field("source", pa.string(), nullable=False),
        ("size", pa.struct([("width", pa.int32()), ("height", pa.int32())])),
        ("boxes", pa.list_(pa.list_(pa.float32(), 4))),
        ("confidences", pa.list_(pa.float32())),
        ("labels", pa.list_(pa.string())),
        ("landmarks", pa.list_(pa.list_(POINT))),
        ("model", pa.string()),
        ("version", pa.string()),
        ("error", pa.string()),
    ]
)
"""The columns of the output."""

NUMBER, TRACE = "number", "trace"
WORK_SCHEMA = SCHEMA.append(pa.field(NUMBER, pa.int64())).append(pa.field(TRACE, pa.string()))
"""What workers return: the number of the work item and the trace of an error beside the rest."""


class PhotoDetector(Protocol):
    """What a worker needs of a Detector."""

    @property
    def description(self) -> Description:
        """The loaded model."""

    def detect(self, image: EncodedImage, options: Options, limits: ImageLimits) -> Detections:
        """Detect faces in one image."""


@dataclass(frozen=True, slots=True)
class Rows:
    """Makes the rows of one detector's photos."""

    detector: PhotoDetector
    options: Options
    limits: ImageLimits
    reducible: bool = True
    """Whether photos may be reduced while they are decoded."""

    def of(self, number: int, source: str, read: Callable[[], bytes]) -> dict[str, Any]:
        """Return the row of a photo, whose bytes `read` returns."""
        try:
            data = read()
        except RequestError as error:
            return self.failed(number, source, error.reason, str(error))
        except Exception as error:
            logger.debug("%s cannot be read", source, exc_info=True)
            return self.failed(number, source, UNREADABLE, short_message(error))
        try:
            image = EncodedImage(data, self.reducible)
            found = self.detector.detect(image, self.options, self.limits)
        except RequestError as error:
            return self.failed(number, source, error.reason, str(error))
        except MemoryError:
            return self.failed(number, source, Reason.OUT_OF_MEMORY, NO_MEMORY)
        except Exception as error:
            logger.debug("%s: an unforeseen error", source, exc_info=True)
            trace = traceback.format_exc()
            return self.failed(number, source, INTERNAL, _in_words(error), trace)
        return self._found(number, source, found)

    def failed(
        self, number: int, source: str, reason: str, message: str, trace: str | None = None
    ) -> dict[str, Any]:
        """Return the row of a photo in which nothing could be looked for."""
        has_landmarks = self.detector.description.landmarks
        return self._common(number, source) | {
            "boxes": [],
            "confidences": [],
            "labels": [],
            "landmarks": [] if has_landmarks else None,
            "error": f"{reason}: {message}",
            TRACE: trace,
        }

    def _found(self, number: int, source: str, detections: Detections) -> dict[str, Any]:
        found, names = detections.found, self.detector.description.labels
        landmarks = found.landmarks
        return self._common(number, source) | {
            "size": {"width": detections.width, "height": detections.height},
            "boxes": found.boxes.tolist(),
            "confidences": found.confidences.tolist(),
            "labels": [_label(names, each) for each in found.class_ids.tolist()],
            "landmarks": None if landmarks is None else landmarks.reshape(-1, 5, 2).tolist(),
        }

    def _common(self, number: int, source: str) -> dict[str, Any]:
        described = self.detector.description
        return {
            NUMBER: number,
            "source": source,
            "model": described.name,
            "version": described.version,
        }


def table_of(rows: Sequence[dict[str, Any]]) -> pa.Table:
    """Return rows as a table of WORK_SCHEMA."""
    return pa.Table.from_pylist(list(rows), WORK_SCHEMA)


def reasons(errors: Iterable[str]) -> list[str]:
    """Return the reasons of the texts in the column `error`."""
    return [each.partition(":")[0] for each in errors]


def _label(names: Sequence[str], class_id: int) -> str:
    return names[class_id] if class_id < len(names) else ""


def _in_words(error: Exception) -> str:
    return f"{type(error).__name__}: {short_message(error)}"
