"""The folder in which published models are cached: CACHE/models/NAME/PRECISION/FILE."""

import shlex
from dataclasses import dataclass
from pathlib import Path

from facewire_server.catalogue.catalogue import PublishedModel
from facewire_server.errors import ModelError
from facewire_server.system.cache_folder import default_folder


@dataclass(frozen=True, slots=True)
class ModelCache:
    """The published models in the cache folder, which holds the compile cache as well."""

    folder: Path

    def folder_of(self, model: PublishedModel, precision: str) -> Path:
        """Return the folder of a model's files."""
        return self.folder / "models" / model.name / precision

    def complete(self, model: PublishedModel) -> tuple[str, ...]:
        """List the precisions whose files are all there, the default first.

        Only names are looked at; `problem` checks the contents.
        """
        return tuple(
            precision
            for precision in model.precisions
            if all(
                (self.folder_of(model, precision) / file.name).is_file()
                for file in model.files_in(precision)
            )
        )

    def present(self, model: PublishedModel) -> tuple[str, ...]:
        """List the precisions that have a folder, complete or not, the default first."""
        return tuple(
            precision for precision in model.precisions if self.folder_of(model, precision).is_dir()
        )

    def problem(self, model: PublishedModel, precision: str) -> str | None:
        """Describe the first file that is not as published; None: all are.

        Reads all files. Raises ModelError if one cannot be read, and for a precision
        that the model is not published in.
        """
        folder = self.folder_of(model, precision)
        for file in model.files_in(precision):
            path = folder / file.name
            try:
                mismatch = file.mismatch(path)
            except OSError as error:
                raise ModelError(f"{path} cannot be read: {error.strerror}") from error
            if mismatch:
                return f"{path} {mismatch}"
        return None

    def path_of(self, model: PublishedModel, precision: str | None) -> tuple[Path, str]:
        """Return the path of the file to load, which may be missing, and its precision.

        `precision` None: the first complete one, else the default. Raises ModelError for
        a precision that the model is not published in.
        """
        chosen = precision or next(iter(self.complete(model)), model.precisions[0])
        name = model.files_in(chosen)[-1].name
        return self.folder_of(model, chosen) / name, chosen

    def find(self, model: PublishedModel, precision: str | None) -> tuple[Path, str]:
        """Return path and precision as `path_of` does, with the files verified.

        Raises ModelError, which says what to type, if files are missing or not as
        published.
        """
        path, chosen = self.path_of(model, precision)
        command = self.pull_command(model, chosen)
        if chosen not in self.complete(model):
            raise ModelError(
                f"{model.name} {chosen} is not in {self.folder}; to fetch it, type: {command}"
            )
        problem = self.problem(model, chosen)
        if problem:
            raise ModelError(f"{problem}; to mend it, type: {command}")
        return path, chosen

    def pull_command(self, model: PublishedModel, precision: str) -> str:
        """Return the command that fetches a model into this cache."""
        words = ["facewire-server", "models", "pull", model.name]
        if precision != model.precisions[0]:
            words += ["--precision", precision]
        if self.folder != default_folder():
            words += ["--cache", str(self.folder)]
        return shlex.join(words)
