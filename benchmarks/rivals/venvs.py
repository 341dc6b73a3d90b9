"""Virtual environments for rivals, made in the user's cache folder when needed."""

import hashlib
import shutil
import subprocess
import sys
import venv
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click
from platformdirs import user_cache_path

from benchmarks.harness.settings import Listed

FOLDER = user_cache_path("facewire") / "benchmarks"
# What does the job is the same as here, so that only the server differs.
_OWN = ("numpy", "opencv-python-headless", "openvino")
_PINNED = {
    "kserve": ("kserve==0.21.0",),
    # Its default worker fails with uvloop 0.23.
    "mlserver": ("mlserver==1.7.1", "uvloop==0.21.0"),
}
_MADE = "complete"


def rivals_option(names: Sequence[str]) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Which of these to measure; without a value none."""
    choices = Listed(click.Choice(names))
    return click.option("--rivals", type=choices, default=names, is_flag=False, flag_value="")


def python(rival: str) -> Path:
    """The interpreter of a rival's environment: kserve or mlserver.

    The first time pip installs it, which takes minutes. Raises
    subprocess.CalledProcessError.
    """
    # The rival is pinned, the rest is as it is here.
    wanted = (*_PINNED[rival], *(f"{name}=={version(name)}" for name in _OWN))
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


def versions(names: Sequence[str]) -> str:
    """What is pinned of the rivals of these names, which a dash and a setting may follow."""
    rivals = dict.fromkeys(name.partition("-")[0] for name in names)
    return ", ".join(pinned for rival in rivals for pinned in _PINNED.get(rival, ()))
