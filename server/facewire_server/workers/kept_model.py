"""A model as its files were when the supervisor has read them.

Rule: what workers serve is decided once, for all of them. They load from here, at the
start, at a reload and when they take the place of one that has ended, whatever has
become of the files meanwhile. The copy lies in memory, where nobody deletes it.
"""

import os
import pickle
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from facewire_server.errors import ModelError
from facewire_server.inference.detector import Detector
from facewire_server.inference.runtime import Runtime
from facewire_server.models.files import ModelFiles
from facewire_server.models.source import Source


@dataclass(frozen=True, slots=True)
class KeptModel:
    """A model that the workers can load while their supervisor keeps it.

    `copy` is the supervisor's descriptor of a file in memory, and `place` the name of
    that file for other processes of the same user.
    """

    source: Source
    copy: int
    place: Path

    @classmethod
    def of(cls, source: Source) -> Self:
        """Reads a model's files. Raises ModelError."""
        files = source.read()
        try:
            copy = _in_memory(files)
        except OSError as error:
            reason = error.strerror
            raise ModelError(f"{source.path} cannot be kept: {reason}") from None
        return cls(source, copy, Path(f"/proc/{os.getpid()}/fd/{copy}"))

    @property
    def name(self) -> str:
        """The model's name."""
        return self.source.name

    def again(self) -> Self:
        """The same model, its files as they are now. Raises ModelError."""
        return self.of(self.source.again())

    def close(self) -> None:
        """Gives the memory back: those that have loaded the model need it no more."""
        os.close(self.copy)

    def load(self, runtime: Runtime) -> Detector:
        """Loads it, in a worker. Raises ModelError."""
        try:
            files: ModelFiles = pickle.loads(self.place.read_bytes())
        except OSError as error:
            # The supervisor keeps another by now, or is gone.
            raise ModelError(f"{self.name} is not kept: {error.strerror}") from None
        return Detector(self.source, runtime, files)


def _in_memory(files: ModelFiles) -> int:
    """A descriptor of a file in memory that holds them. Raises OSError."""
    copy = os.memfd_create("facewire-model")
    try:
        with open(copy, "wb", closefd=False) as file:
            pickle.dump(files, file)
    except OSError:
        os.close(copy)
        raise
    return copy
