"""Find the faces in photos and print one line of JSON for each of them."""

import argparse
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from facewire_client import DetectResult, FaceClient, FaceClientError, StreamResult


def main() -> int:
    """Run the program; return its exit status: 0 if all photos were answered, else 1."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("paths", metavar="PHOTO|FOLDER", type=Path, nargs="+")
    parser.add_argument("--server", metavar="HOST:PORT", default="127.0.0.1:50051")
    parser.add_argument("--ca", metavar="FILE", help="encrypt, and trust its authorities (PEM)")
    parser.add_argument("--token-file", metavar="FILE", type=Path, help="holds the token to show")
    parser.add_argument("--timeout", metavar="SECONDS", type=float, default=30.0)
    arguments = parser.parse_args()
    try:
        client = connect(arguments)
    except (OSError, ValueError) as error:
        print(f"detect: {error}", file=sys.stderr)
        return 2
    answered = True
    with client:
        for path in arguments.paths:
            if path.is_dir():
                lines = detect_folder(client, path, arguments.timeout)
            else:
                lines = iter([detect_photo(client, path)])
            for line in lines:
                print(json.dumps(line), flush=True)
                answered = answered and "error" not in line
    return 0 if answered else 1


def connect(arguments: argparse.Namespace) -> FaceClient:
    """Return a client, which connects at its first call.

    It tries calls again that find the server full or absent: after the time that the server
    asks for, if it does.
    """
    token_file: Path | None = arguments.token_file
    return FaceClient(
        arguments.server,
        root_certificates=arguments.ca,
        token=token_file.read_text().strip() if token_file else None,
        timeout=arguments.timeout,
    )


def detect_photo(client: FaceClient, photo: Path) -> dict[str, Any]:
    """Ask for one photo; return its line."""
    try:
        return found(photo, client.detect(photo))
    except FaceClientError as error:
        return failed(photo, error)


def detect_folder(client: FaceClient, folder: Path, timeout: float) -> Iterator[dict[str, Any]]:
    """Send the files of a folder on one stream; yield their lines as the answers come.

    The client reads the files as they are sent, at most 16 ahead of the answers.
    """
    photos = sorted(path for path in folder.iterdir() if not path.is_dir())
    unanswered = iter(photos)
    try:
        for answer in client.detect_stream(photos, timeout=timeout * len(photos)):
            yield line(next(unanswered), answer)
    except FaceClientError as error:  # the stream broke
        for photo in unanswered:
            yield failed(photo, error)


def line(photo: Path, answer: StreamResult) -> dict[str, Any]:
    """Return the line of a photo of a stream."""
    if answer.error is not None:
        return failed(photo, answer.error)
    return found(photo, answer.unwrap())


def found(photo: Path, result: DetectResult) -> dict[str, Any]:
    """Return the line of a photo that was answered: boxes in pixels of the upright photo."""
    width, height = result.image_size
    return {
        "image": str(photo),
        "width": width,
        "height": height,
        "model": result.model,
        "model_version": result.model_version,
        "faces": [
            {
                "box": face.box,
                "confidence": face.confidence,
                "label": face.label,
                "class_id": face.class_id,
                "landmarks": face.landmarks,
            }
            for face in result.faces
        ],
    }


def failed(photo: Path, error: FaceClientError) -> dict[str, Any]:
    """Return the line of a photo that failed."""
    code, reason, message = error.code.name, error.reason, error.message
    return {"image": str(photo), "error": {"code": code, "reason": reason, "message": message}}


if __name__ == "__main__":
    sys.exit(main())
