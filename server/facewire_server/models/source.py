"""The source of a model: embedded in facewire, from the catalogue, or at a path."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from facewire_server.catalogue.cache import ModelCache
from facewire_server.catalogue.catalogue import Catalogue
from facewire_server.config import DEFAULT_MODEL
from facewire_server.errors import ModelError
from facewire_server.models.exporters import Layer, merged, translate
from facewire_server.models.files import ModelFiles, weight_files
from facewire_server.models.sidecar import Sidecar
from facewire_server.models.values import Settings
from facewire_server.system.cache_folder import default_folder
from facewire_server.system.file_watch import fingerprint

EMBEDDED = DEFAULT_MODEL
"""The name of the embedded model, which is the default."""

DATA = Path(__file__).parents[1] / "data"

EMBEDDED_FILE = DATA / EMBEDDED / f"{EMBEDDED}.xml"

SUFFIXES = (".xml", ".onnx")


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A model's name, its file (.xml or .onnx), and the file of its weights.

    `precision` is that of a published model's files, else empty. `defaults` are the
    catalogue's settings for a model whose metadata has none, and `sidecar` those of the
    TOML file beside it. `requested` and `cache` are the arguments that found it.
    """

    name: str
    path: Path
    weights: Path
    precision: str = ""
    defaults: Mapping[str, str] = field(default_factory=dict)
    sidecar: Sidecar = field(default_factory=Sidecar)
    requested: str
    cache: Path | None = None

    @classmethod
    def find(cls, model: str, *, precision: str | None = None, cache: Path | None = None) -> Self:
        """Find a model by its name or by the path of its file.

        A model at a path is named after its file, unless its sidecar names it. `precision`
        is for published models; None: the default one, or one that is cached. `cache` is
        the folder of published models; None: the user's. Raises ModelError, which says
        what to type, if there is no such model, or if files of it are missing or (of a
        published one) not as published.
        """
        if Path(model).suffix.lower() in SUFFIXES:
            return cls._at(Path(model), requested=model)
        published = Catalogue.published().get(model)
        if model == EMBEDDED:
            return cls._at(EMBEDDED_FILE, requested=model)
        path, found = ModelCache(cache or default_folder()).find(published, precision)
        return cls._at(
            path,
            requested=model,
            name=published.name,
            precision=found,
            defaults=published.defaults,
            cache=cache,
        )

    @classmethod
    def _at(
        cls,
        path: Path,
        *,
        requested: str,
        name: str = "",
        precision: str = "",
        defaults: Mapping[str, str] | None = None,
        cache: Path | None = None,
    ) -> Self:
        """Return the model in a file; the weights of an IR lie beside it as .bin.

        Raises ModelError.
        """
        weights = path.with_suffix(".bin") if path.suffix.lower() == ".xml" else path
        for file in (path, weights):
            if not file.is_file():
                raise ModelError(f"there is no file {file}")
        sidecar = Sidecar.beside(path)
        return cls(
            name=sidecar.name or name or path.stem,
            path=path,
            weights=weights,
            precision=precision,
            defaults=defaults or {},
            sidecar=sidecar,
            requested=requested,
            cache=cache,
        )

    def files(self) -> tuple[Path, ...]:
        """List the files, as they are now, whose change makes it another model.

        Some may be missing, as most sidecars are. May hang, as all access to files may.
        """
        weights = weight_files(self.path, fingerprint(self.path))
        return self.path, self.path.with_suffix(".toml"), *weights

    def again(self) -> Self:
        """Find the same model in its files as they are now. Raises as `find` does."""
        return self.find(self.requested, precision=self.precision or None, cache=self.cache)

    def layers(self, metadata: Settings) -> tuple[Layer, ...]:
        """Return the settings of a model whose file has this metadata, by their origin.

        The last one has priority: the sidecar overrides the metadata, which overrides the
        catalogue's defaults. Raises ModelError as `translate` does.
        """
        ignored = self.sidecar.ignored_keys
        own = {key: value for key, value in metadata.items() if key not in ignored}
        try:
            translated = translate(own)
        except ModelError as error:
            raise ModelError(f"{self.path}: {error}") from None
        sidecar = Layer("sidecar", self.sidecar.metadata)
        return (Layer("catalogue", self.defaults), *translated, sidecar)

    def settings(self, metadata: Settings) -> Settings:
        """Merge what `layers` returns."""
        return merged(self.layers(metadata))

    def read(self) -> ModelFiles:
        """Read the files as they are now. Raises ModelError."""
        return ModelFiles.read(self.path)


def name_of(model: str, *, precision: str | None = None, cache: Path | None = None) -> str:
    """Return the name that `Source.find` will give a model, without its weights.

    Raises ModelError for a malformed sidecar, and for an unknown name or precision.
    """
    path = Path(model)
    if path.suffix.lower() in SUFFIXES:
        return Sidecar.beside(path).name or path.stem
    published = Catalogue.published().get(model)
    if model == EMBEDDED:
        path = EMBEDDED_FILE
    else:
        path, _ = ModelCache(cache or default_folder()).path_of(published, precision)
    return Sidecar.beside(path).name or published.name
