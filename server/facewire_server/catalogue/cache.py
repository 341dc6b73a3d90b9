"""The folder in which published models are kept: CACHE/models/NAME/PRECISION/FILE."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from facewire_server.catalogue.entry import Entry
from facewire_server.errors import ModelError
from facewire_server.system.cache_folder import default_folder


@dataclass(frozen=True, slots=True)
class Cache:
    """Everything that facewire keeps under one folder; here, its models."""

    folder: Path

    def folder_of(self, entry: Entry, precision: str) -> Path:
        """The folder of a model's files."""
        return self.folder / "models" / entry.name / precision

    def held(self, entry: Entry) -> tuple[str, ...]:
        """The precisions whose files are all there, the default first.

        It looks only at names: whether they are what they should be, `problem` says.
        """
        return tuple(
            precision
            for precision in entry.precisions
            if all(
                (self.folder_of(entry, precision) / file.name).is_file()
                for file in entry.files_in(precision)
            )
        )

    def begun(self, entry: Entry) -> tuple[str, ...]:
        """The precisions of which there may be anything here, the default first."""
        return tuple(
            precision for precision in entry.precisions if self.folder_of(entry, precision).is_dir()
        )

    def problem(self, entry: Entry, precision: str) -> str | None:
        """What is wrong with the first file that is not as published; None: nothing.

        Reads all of them. Raises ModelError when one cannot be read, and for a
        precision that there is not.
        """
        folder = self.folder_of(entry, precision)
        for file in entry.files_in(precision):
            path = folder / file.name
            try:
                mismatch = file.mismatch(path)
            except OSError as error:
                raise ModelError(f"{path} cannot be read: {error.strerror}") from None
            if mismatch:
                return f"{path} {mismatch}"
        return None

    def place(self, entry: Entry, precision: str | None) -> tuple[Path, str]:
        """The file to load, which may be missing, and its precision.

        Without a precision it is the default one, or the first other that is there.
        Raises ModelError for a precision that there is not.
        """
        chosen = precision or next(iter(self.held(entry)), entry.precisions[0])
        name = entry.files_in(chosen)[-1].name
        return self.folder_of(entry, chosen) / name, chosen

    def find(self, entry: Entry, precision: str | None) -> tuple[Path, str]:
        """The file to load, checked, and its precision, as `place` has them.

        Raises ModelError, which says what to type, when files are missing or are not
        as published.
        """
        path, chosen = self.place(entry, precision)
        command = self.pull_command(entry, chosen)
        if chosen not in self.held(entry):
            raise ModelError(
                f"{entry.name} {chosen} is not in {self.folder}; to fetch it, type: {command}"
            )
        problem = self.problem(entry, chosen)
        if problem:
            raise ModelError(f"{problem}; to mend it, type: {command}")
        return path, chosen

    def pull_command(self, entry: Entry, precision: str) -> str:
        """What to type to have a model here."""
        words = ["facewire-server", "models", "pull", entry.name]
        if precision != entry.precisions[0]:
            words += ["--precision", precision]
        if self.folder != default_folder():
            words += ["--cache", str(self.folder)]
        return shlex.join(words)
