"""Sends the photos of a data set to a server, over one stream with a bounded window."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from facewire_client.client import FaceClient
from facewire_client.errors import FaceClientError
from facewire_client.evaluation.answers import Answer, AnswerFile, Asked, kept, refused
from facewire_client.evaluation.dataset import Photo, Problem
from facewire_client.request import DetectOptions
from facewire_client.result import DetectResult, StreamResult

WINDOW = 16
"""Photos that are read ahead of the answers."""

_REFUSALS = frozenset({"EMPTY_IMAGE", "UNSUPPORTED_FORMAT", "CORRUPT_IMAGE", "IMAGE_TOO_LARGE"})
"""The reasons that tell of the photo, whenever it is asked again."""


@dataclass(frozen=True, slots=True)
class Question:
    """The options of a detection, and the model that they go to."""

    options: DetectOptions
    asked: Asked

    @classmethod
    def to(cls, client: FaceClient, options: DetectOptions) -> "Question":
        """Ask a server for the model that answers. Raises FaceClientError."""
        served = client.model(options.get("model") or "")
        others = {name: value for name, value in options.items() if name != "model"}
        asked = {
            "model": served.name,
            "version": served.version,
            "precision": served.precision,
            "device": served.device,
            **{name: value for name, value in others.items() if value is not None},
        }
        return cls(options, asked)


@dataclass(frozen=True, slots=True)
class Answers:
    """The answers in the order of the photos, what went wrong, and how many were kept before.

    A photo without an answer counts as one in which nothing was found; `missing` says how many
    there are. `broken` is the error that ended the stream; None: none did.
    """

    answers: Sequence[Answer]
    problems: Sequence[Problem]
    reused: int
    missing: int
    broken: FaceClientError | None


def ask(
    client: FaceClient,
    photos: Sequence[Photo],
    question: Question,
    file: AnswerFile,
    timeout: float,
    answered: Callable[[int], None],
) -> Answers:
    """Return the answers for photos; what the file keeps is not asked again.

    `timeout` is that of a photo in seconds. `answered` is told of every one or more answers.
    Raises FaceClientError when an option is refused.
    """
    found = kept(file.path, photos, question.asked)
    reused = len(found)
    answered(reused)
    rest = [photo for photo in photos if photo.name not in found]
    problems: list[Problem] = []
    broken = None
    stream = client.detect_stream(
        (photo.path for photo in rest),
        window=WINDOW,
        timeout=timeout * len(rest),
        **question.options,
    )
    try:
        for photo, result in zip(rest, stream if rest else (), strict=False):
            answer = _answer(photo, result, problems)
            if answer is not None:
                found[photo.name] = answer
                file.add(photo, question.asked, answer)
            answered(1)
    except FaceClientError as error:
        if error.reason == "BAD_OPTION":
            raise
        broken = error
    finally:
        stream.close()
    return _in_order(photos, found, problems, reused, broken)


def _in_order(
    photos: Sequence[Photo],
    found: dict[str, Answer],
    problems: list[Problem],
    reused: int,
    broken: FaceClientError | None,
) -> Answers:
    nothing = refused("")
    answers = [found.get(photo.name, nothing) for photo in photos]
    for photo, answer in zip(photos, answers, strict=True):
        if answer.error:
            problems.append(
                Problem("cannot be read, its faces are missed", photo.name, answer.error)
            )
        elif answer.size and photo.size not in (None, answer.size):
            sizes = "annotated as {}x{}, the upright photo has {}x{}"
            detail = sizes.format(*(photo.size or ()), *answer.size)
            problems.append(Problem("annotated in another size", photo.name, detail))
    return Answers(answers, problems, reused, len(photos) - len(found), broken)


def _answer(photo: Photo, result: StreamResult, problems: list[Problem]) -> Answer | None:
    """Return what to keep; None: the photo may be answered at another time."""
    if result.result is not None:
        return of_result(result.result)
    error = result.error
    assert error is not None
    if error.reason == "BAD_OPTION":
        raise error
    if error.reason in _REFUSALS:
        return refused(str(error))
    problems.append(Problem("not answered, its faces are missed", photo.name, str(error)))
    return None


def of_result(result: DetectResult) -> Answer:
    """Convert the result of a detection."""
    rows = [(*face.box, face.confidence) for face in result.faces]
    return Answer(np.array(rows, np.float32).reshape(-1, 5), result.image_size)
