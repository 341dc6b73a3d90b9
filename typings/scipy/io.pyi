"""The part of SciPy that the client uses."""

from pathlib import Path
from typing import Any

def loadmat(file_name: Path) -> dict[str, Any]: ...
