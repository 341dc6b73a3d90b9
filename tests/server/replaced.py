"""Files that are replaced at once, so that no server reads half of one."""

from pathlib import Path


def replace(path: Path, content: bytes) -> None:
    """Has a file hold this, in another inode."""
    fresh = path.with_name(f"{path.name}.fresh")
    fresh.write_bytes(content)
    fresh.replace(path)
