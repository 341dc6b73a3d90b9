"""A model as its files were when the supervisor read them.

Rule: what the workers serve is decided once, for all of them. They load from here, at the
start, at a reload and when they replace one that has ended, whatever has happened to the
files meanwhile. The copy is a file in memory, which no one can delete or change.
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
class ModelSnapshot:
    """A model that the workers can load for as long as the supervisor has it open.

    `descriptor` is the supervisor's, of the file in memory; `path` names that file for
    other processes of the same user.
    """

    source: Source
    descriptor: int
    path: Path

    @classmethod
    def take(cls, source: Source) -> Self:
        """Read a model's files. Raises ModelError."""
        files = source.read()
        try:
            descriptor = _write_to_memory(files)
        except OSError as error:
            reason = error.strerror
            raise ModelError(f"{source.path} cannot be kept: {reason}") from None
        return cls(source, descriptor, Path(f"/proc/{os.getpid()}/fd/{descriptor}"))

    @property
    def name(self) -> str:
        """The model's name."""
        return self.source.name

    def retake(self) -> Self:
        """Read the files of the same model as they are now. Raises ModelError."""
        return self.take(self.source.again())

    def close(self) -> None:
        """Free the memory; workers that have loaded the model have their own."""
        os.close(self.descriptor)

    def load(self, runtime: Runtime) -> Detector:
        """Load the model, in a worker. Raises ModelError."""
        try:
            files: ModelFiles = pickle.loads(self.path.read_bytes())
        except OSError as error:
            # The supervisor has replaced this snapshot by another one, or has ended.
            raise ModelError(f"{self.name} is not kept: {error.strerror}") from None
        return Detector(self.source, runtime, files)


def _write_to_memory(files: ModelFiles) -> int:
    """Return the descriptor of a new file in memory with these. Raises OSError."""
    descriptor = os.memfd_create("facewire-model")
    try:
        with open(descriptor, "wb", closefd=False) as file:
            pickle.dump(files, file)
    except OSError:
        os.close(descriptor)
        raise
    return descriptor
