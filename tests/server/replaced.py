"""Replacing a file at once, so that no server reads half of it."""

from pathlib import Path


def replace(path: Path, content: bytes | bytearray) -> None:
    """Replace a file by one with this content, which has another inode."""
    fresh = path.with_name(f"{path.name}.fresh")
    fresh.write_bytes(content)
    fresh.replace(path)
