"""`facewire detect`: the faces in images, as a table, as JSON, and drawn into copies."""

import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click

from facewire_client.cli.connection import with_connection
from facewire_client.cli.images import NamedImage, drawing_paths
from facewire_client.cli.output import print_error, show, show_document
from facewire_client.cli.table import faces_table
from facewire_client.client import FaceClient
from facewire_client.connection import Connection
from facewire_client.draw import annotate, require_pillow
from facewire_client.errors import FaceClientError
from facewire_client.result import DetectResult, StreamResult

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
    "--tiling",
    type=click.Choice(["on", "off"]),
    callback=lambda _context, _option, value: value and value == "on",
    help="Look at overlapping tiles of the image, too, which finds smaller faces.",
    show_default="as the server and the model say",
)
@click.option(
    "--draw",
    type=click.Path(),
    metavar="OUT",
    help="Write annotated pictures: a file for one image, a folder for several.",
)
@click.option("as_json", "--json", is_flag=True, help="Print one JSON document.")
def detect(
    client: FaceClient,
    connection: Connection,
    images: tuple[str, ...],
    draw: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Find the faces in images; "-" is standard input.

    Several images share one connection. One that fails, or that cannot be drawn, is
    told on standard error, and the others are still done; the exit status is 1 then.
    No image is drawn over, and no drawing over another one of the same run.
    """
    named = [NamedImage.from_argument(name) for name in images]
    if draw:
        require_pillow()
    drawings = drawing_paths(named, draw) if draw else []
    results, broken = _detect(client, named, connection.timeout * len(named), options)
    _print_errors(named, results, broken)
    # Printed before the drawing, so that the output is complete whatever fails there.
    if as_json:
        show_document({"images": _documents(named, results)})
    elif any(each.result is not None for each in results):
        show(faces_table(_found(named, results)))
    drawn = _draw(named, results, drawings)
    answered = all(each.result is not None for each in results)
    sys.exit(0 if answered and drawn else 1)


def _detect(
    client: FaceClient, images: Sequence[NamedImage], timeout: float, options: dict[str, Any]
) -> tuple[list[StreamResult], FaceClientError | None]:
    """Ask for all images, with a progress bar on a terminal; `timeout` is that of a stream.

    Returns the results, and the error that the stream broke with, which is then the error of
    each image without a result of its own.
    """
    if len(images) == 1:
        return [_detect_one(client, images[0], options)], None
    contents = (image.content for image in images)
    stream = client.detect_stream(contents, timeout=timeout, **options)
    results: list[StreamResult] = []
    with click.progressbar(
        stream,
        length=len(images),
        label="detecting",
        file=sys.stderr,
        hidden=not sys.stderr.isatty(),
    ) as bar:
        try:
            results.extend(bar)  # keeps the results before an error
        except FaceClientError as broken:
            rest = range(len(results), len(images))
            return results + [StreamResult(each, error=broken) for each in rest], broken
    return results, None


def _detect_one(client: FaceClient, image: NamedImage, options: dict[str, Any]) -> StreamResult:
    try:
        return StreamResult(0, client.detect(image.content, **options))
    except FaceClientError as error:
        return StreamResult(0, error=error)


def _print_errors(
    images: Sequence[NamedImage],
    results: Sequence[StreamResult],
    broken: FaceClientError | None,
) -> None:
    """Print the error of each image, and the error of a broken stream once."""
    for image, result in zip(images, results, strict=True):
        if result.error is not None and result.error is not broken:
            print_error(f"{image.name}: {result.error}")
    if broken is not None:
        lost = sum(result.error is broken for result in results)
        count = f"; {lost} of {len(results)} images were not answered" if lost else ""
        print_error(f"{broken}{count}")


def _draw(
    images: Sequence[NamedImage],
    results: Sequence[StreamResult],
    drawings: Sequence[Path],
) -> bool:
    """Draw the images that have a result; False: one could not be drawn."""
    drawn = True
    for image, result, drawing in zip(images, results, drawings, strict=False):
        if result.result is not None:
            try:
                annotate(image.content, result.result, drawing)
            except FaceClientError as error:
                drawn = False
                print_error(f"{image.name}: {error}")
    return drawn


def _found(
    images: Sequence[NamedImage], results: Sequence[StreamResult]
) -> Iterator[tuple[str, DetectResult]]:
    for image, result in zip(images, results, strict=True):
        if result.result is not None:
            yield image.name, result.result


def _documents(
    images: Sequence[NamedImage], results: Sequence[StreamResult]
) -> list[dict[str, Any]]:
    return [
        {"image": image.name, **_document(result)}
        for image, result in zip(images, results, strict=True)
    ]


def _document(answer: StreamResult) -> dict[str, Any]:
    if answer.error is not None:
        error = answer.error
        return {
            "error": {
                "code": error.code.name,
                "reason": error.reason,
                "message": error.message,
            }
        }
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
        "cached": result.cached,
    }
