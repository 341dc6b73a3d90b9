"""`facewire detect`: the faces in images, as a table, as JSON, as pictures."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from facewire_client.cli.connection import with_connection
from facewire_client.cli.drawings import outputs
from facewire_client.cli.output import complain, show, show_document
from facewire_client.cli.picture import Picture
from facewire_client.client import FaceClient
from facewire_client.connection import Connection
from facewire_client.draw import annotate, require_pillow
from facewire_client.errors import FaceClientError
from facewire_client.result import DetectResult, StreamResult
from facewire_client.table import faces_table

_EPILOG = """\b
Examples:
  facewire detect photo.jpg
  facewire detect --json *.jpg > faces.json
  facewire detect --draw annotated/ *.jpg
"""


@click.command(epilog=_EPILOG)
@click.argument("images", metavar="IMAGE...", nargs=-1, required=True)
@with_connection
@click.option("--model", default="", metavar="NAME", help="Not the default model.")
@click.option(
    "--min-confidence",
    type=float,
    metavar="0..1",
    help="Keep what the model is at least so sure of.",
)
@click.option(
    "--iou-threshold",
    type=float,
    metavar="0..1",
    help="Of two boxes that overlap more, keep the surer one.",
)
@click.option("--max-detections", type=int, metavar="N", help="Keep no more.")
@click.option(
    "--draw",
    type=click.Path(path_type=Path),
    metavar="OUT",
    help="Write annotated pictures: a file for one image, a folder for several.",
)
@click.option("as_json", "--json", is_flag=True, help="Print one JSON document.")
def detect(
    client: FaceClient,
    connection: Connection,
    images: tuple[str, ...],
    draw: Path | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Find the faces in images; "-" is standard input.

    Several images share one connection. One that fails, or that cannot be drawn, is
    told on standard error, and the others are still done; the exit status is 1 then.
    No image is drawn over, and no drawing over another one of the same run.
    """
    pictures = [Picture.named(name) for name in images]
    if draw:
        require_pillow()
    drawings = outputs(pictures, draw) if draw else []
    answers, broken = _ask(client, pictures, connection.timeout * len(pictures), options)
    _complain(pictures, answers, broken)
    # Before anything is drawn, so that it is complete whatever happens to that.
    if as_json:
        show_document({"images": _documents(pictures, answers)})
    elif any(answer.result is not None for answer in answers):
        show(faces_table(_results(pictures, answers)))
    drawn = _draw(pictures, answers, drawings)
    answered = all(answer.result is not None for answer in answers)
    sys.exit(0 if answered and drawn else 1)


def _complain(
    pictures: Sequence[Picture],
    answers: Sequence[StreamResult],
    broken: FaceClientError | None,
) -> None:
    """Tells each picture that failed, and the stream's own failure once."""
    for picture, answer in zip(pictures, answers, strict=True):
        if answer.error is not None and answer.error is not broken:
            complain(f"{picture.name}: {answer.error}")
    if broken is not None:
        lost = sum(answer.error is broken for answer in answers)
        count = f"; {lost} of {len(answers)} images were not answered" if lost else ""
        complain(f"{broken}{count}")


def _draw(
    pictures: Sequence[Picture],
    answers: Sequence[StreamResult],
    drawings: Sequence[Path],
) -> bool:
    """Draws what was answered; whether all of that could be drawn."""
    drawn = True
    for picture, answer, drawing in zip(pictures, answers, drawings, strict=False):
        if answer.result is not None:
            try:
                annotate(picture.content, answer.result, drawing)
            except FaceClientError as error:
                drawn = False
                complain(f"{picture.name}: {error}")
    return drawn


def _ask(
    client: FaceClient, pictures: Sequence[Picture], timeout: float, options: dict[str, Any]
) -> tuple[list[StreamResult], FaceClientError | None]:
    """The answers to all pictures, with a progress bar for people who wait.

    When the stream breaks, that is the second value, and the error of the pictures
    that were not answered until then.
    """
    if len(pictures) == 1:
        return [_ask_once(client, pictures[0], options)], None
    contents = (each.content for each in pictures)
    stream = client.detect_stream(contents, timeout=timeout, **options)
    answers: list[StreamResult] = []
    with click.progressbar(
        stream,
        length=len(pictures),
        label="detecting",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:
        try:
            answers.extend(bar)  # keeps what it got before an error
        except FaceClientError as broken:
            rest = range(len(answers), len(pictures))
            return answers + [StreamResult(each, error=broken) for each in rest], broken
    return answers, None


def _ask_once(client: FaceClient, picture: Picture, options: dict[str, Any]) -> StreamResult:
    try:
        return StreamResult(0, client.detect(picture.content, **options))
    except FaceClientError as error:
        return StreamResult(0, error=error)


def _results(
    pictures: Sequence[Picture], answers: Sequence[StreamResult]
) -> Iterator[tuple[str, DetectResult]]:
    for picture, answer in zip(pictures, answers, strict=True):
        if answer.result is not None:
            yield picture.name, answer.result


def _documents(
    pictures: Sequence[Picture], answers: Sequence[StreamResult]
) -> list[dict[str, Any]]:
    return [
        {"image": picture.name, **_as_json(answer)}
        for picture, answer in zip(pictures, answers, strict=True)
    ]


def _as_json(answer: StreamResult) -> dict[str, Any]:
    if answer.error is not None:
        error = answer.error
        told = {"code": error.code.name, "reason": error.reason}
        return {"error": told | {"message": error.message}}
    result = answer.unwrap()
    width, height = result.image_size
    return {
        "width": width,
        "height": height,
        "model": result.model,
        "model_version": result.model_version,
        "faces": [
            {
                "box": list(face.box),
                "confidence": face.confidence,
                "label": face.label,
                "class_id": face.class_id,
                "landmarks": [list(point) for point in face.landmarks],
            }
            for face in result.faces
        ],
        "timing": asdict(result.timing),
    }
