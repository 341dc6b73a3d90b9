"""Virtual environments for rivals, made in the user's cache folder when needed."""

import hashlib
import json
import shutil
import subprocess
import sys
import venv
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path

from platformdirs import user_cache_path

FOLDER = user_cache_path("facewire") / "benchmarks"
# What does the job is the same as here, so that only the server differs.
_OWN = ("numpy", "opencv-python-headless", "openvino")
_PINNED = {
    "kserve": ("kserve==0.21.0",),
    # Its default worker fails with uvloop 0.23.
    "mlserver": ("mlserver==1.7.1", "uvloop==0.21.0"),
}
_TOLD = ("kserve", "mlserver", "grpcio", "protobuf", "uvloop", *_OWN)
_MADE = "complete"


def python(rival: str) -> Path:
    """The interpreter of a rival's environment: kserve or mlserver.

    The first time pip installs it, which takes minutes. Raises
    subprocess.CalledProcessError.
    """
    wanted = requirements(rival)
    told = "\n".join((sys.version, *wanted))
    folder = FOLDER / f"{rival}-{hashlib.sha256(told.encode()).hexdigest()[:12]}"
    interpreter = folder / "bin" / "python"
    if not (folder / _MADE).exists():
        print(f"installing {' '.join(wanted)} in {folder}", file=sys.stderr)
        shutil.rmtree(folder, ignore_errors=True)
        venv.create(folder, with_pip=True)
        pip = (interpreter, "-m", "pip", "install", "--quiet")
        subprocess.run([*pip, *wanted], check=True, stdout=sys.stderr)
        (folder / _MADE).touch()
    return interpreter


def requirements(rival: str) -> tuple[str, ...]:
    """What is installed for it: the rival pinned, the rest as it is here."""
    return (*_PINNED[rival], *(f"{name}=={version(name)}" for name in _OWN))


def versions(names: Sequence[str]) -> dict[str, str]:
    """What is in the environments of those of these names that have one.

    A name is a rival's, or that with a dash and how it is set. Raises
    CalledProcessError.
    """
    rivals = dict.fromkeys(name.partition("-")[0] for name in names)
    return {
        rival: ", ".join(f"{name} {number}" for name, number in found.items())
        for rival in rivals
        if rival in _PINNED and (found := _installed(python(rival)))
    }


def _installed(interpreter: Path) -> dict[str, str]:
    done = subprocess.run(
        [interpreter, "-m", "pip", "list", "--format", "json"],
        check=True,
        capture_output=True,
        text=True,
    )
    found = {each["name"]: each["version"] for each in json.loads(done.stdout)}
    return {name: found[name] for name in _TOLD if name in found}
