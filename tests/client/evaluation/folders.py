"""Small data sets on disk; their photos are empty files."""

from collections.abc import Mapping
from pathlib import Path

from facewire_client.evaluation.dataset import Dataset


def write(folder: Path, contents: Mapping[str, str | bytes]) -> Path:
    """Write files by name, with the folders they are in; return `folder`."""
    for name, content in contents.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def boxes(dataset: Dataset) -> dict[str, list[list[float]]]:
    """The boxes of each photo."""
    return {photo.name: photo.boxes.tolist() for photo in dataset.photos}


def ignored(dataset: Dataset) -> dict[str, list[bool]]:
    """Which boxes of each photo are ignored."""
    return {photo.name: photo.ignored.tolist() for photo in dataset.photos}


def problems(dataset: Dataset) -> list[tuple[str, str]]:
    """The kinds of problems, up to a comma, and their photos."""
    return sorted((each.kind.partition(",")[0], each.photo) for each in dataset.problems)


def told(dataset: Dataset, kind: str) -> list[str]:
    """The photos with problems of a kind."""
    return [photo for each, photo in problems(dataset) if each == kind]
