"""Where the files of a model lie: the embedded one, one of the catalogue, or a path."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from facewire_server.catalogue.cache import Cache
from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.config import DEFAULT_MODEL
from facewire_server.errors import ModelError
from facewire_server.models.files import ModelFiles
from facewire_server.models.metadata import Settings
from facewire_server.models.sidecar import Sidecar, merged
from facewire_server.system.cache_folder import default_folder

EMBEDDED = DEFAULT_MODEL
"""The name of the model that comes with facewire, and the default."""

DATA = Path(__file__).parents[1] / "data"

EMBEDDED_FILE = DATA / EMBEDDED / f"{EMBEDDED}.xml"

SUFFIXES = (".xml", ".onnx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A model's name, its file (.xml or .onnx), and the file of its weights.

    `precision` is that of a published model's files, else empty. `defaults` is
    metadata for what the model does not say of itself, and `override` what was said
    beside it. `given` and `cache` are how it was asked for.
    """

    name: str
    path: Path
    weights: Path
    precision: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)
    override: Sidecar = field(default_factory=Sidecar)
    given: str
    cache: Path | None = None

    @classmethod
    def find(cls, model: str, *, precision: str | None = None, cache: Path | None = None) -> Self:
        """Finds a model by its name or by the path of its file.

        A model given by path is named after its file, unless the TOML file beside it
        has another name for it. `precision` is for published models; None: the default
        one, or what is there. `cache` is the folder that they are kept in; None: the
        user's. Raises ModelError when there is no such model, when files of it are
        missing or (of a published one) not as published, and says what to type.
        """
        if Path(model).suffix.lower() in SUFFIXES:
            return cls.at(Path(model), given=model)
        entry = Catalogue.published().get(model)
        if model == EMBEDDED:
            return cls.at(EMBEDDED_FILE, given=model)
        path, chosen = Cache(cache or default_folder()).find(entry, precision)
        return cls.at(
            path,
            given=model,
            name=entry.name,
            precision=chosen,
            defaults=entry.defaults,
            cache=cache,
        )

    @classmethod
    def at(
        cls,
        path: Path,
        *,
        given: str = "",
        name: str = "",
        precision: str = "",
        defaults: Mapping[str, str] | None = None,
        cache: Path | None = None,
    ) -> Self:
        """The model in this file; an IR's weights lie beside it as .bin.

        Raises ModelError.
        """
        weights = path.with_suffix(".bin") if path.suffix.lower() == ".xml" else path
        for file in (path, weights):
            if not file.is_file():
                raise ModelError(f"there is no file {file}")
        override = Sidecar.beside(path)
        return cls(
            name=override.name or name or path.stem,
            path=path,
            weights=weights,
            precision=precision,
            defaults=defaults or {},
            override=override,
            given=given or str(path),
            cache=cache,
        )

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that make the model what it is; the last one may be missing."""
        return self.path, self.weights, self.path.with_suffix(".toml")

    def again(self) -> Self:
        """The same model, its files as they are now. Raises as `find` does."""
        return self.find(self.given, precision=self.precision or None, cache=self.cache)

    def settings(self, metadata: Settings) -> Settings:
        """The settings of a model that says `metadata` of itself.

        The file beside it goes over that, and that over the catalogue's defaults.
        """
        return merged(self.defaults, metadata, self.override.metadata)

    def read(self) -> ModelFiles:
        """What is in the files now. Raises ModelError."""
        return ModelFiles.read(self.path)


def name_of(model: str, *, precision: str | None = None, cache: Path | None = None) -> str:
    """What `Source.find` will call a model; its weights are not looked at.

    Raises ModelError for a TOML file beside it that makes no sense, and for a name or
    a precision that there is not.
    """
    path = Path(model)
    if path.suffix.lower() in SUFFIXES:
        return Sidecar.beside(path).name or path.stem
    entry = Catalogue.published().get(model)
    if model == EMBEDDED:
        path = EMBEDDED_FILE
    else:
        path, _ = Cache(cache or default_folder()).place(entry, precision)
    return Sidecar.beside(path).name or entry.name
