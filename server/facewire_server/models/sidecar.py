"""The TOML file beside a model: what its operator says of it.

Rule: what it says goes over what the model says of itself. An unknown key or a value
of the wrong kind refuses the model.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from facewire_server.errors import ModelError
from facewire_server.models.metadata import KEYS, Metadata, Settings


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """What a model is called, the size of its input, and its metadata.

    `name` None: as its file. `input_size` is (width, height) in pixels, for a network
    that leaves it open.
    """

    name: str | None = None
    input_size: tuple[int, int] | None = None
    metadata: Settings = field(default_factory=dict)

    @classmethod
    def beside(cls, model: Path) -> Self:
        """Reads `model.toml` beside `model.xml` or `model.onnx`, if there is one.

        Raises ModelError, which names the file.
        """
        path = model.with_suffix(".toml")
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ModelError(f"{path} cannot be read: {error}") from None
        try:
            return cls._of(values)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from None

    @classmethod
    def _of(cls, values: dict[str, object]) -> Self:
        name = values.pop("name", None)
        if name is not None and not (isinstance(name, str) and name.strip()):
            raise ModelError(f"name = {name!r} is no name")
        size = _input_size(values)
        for key in values:
            if key not in KEYS:
                known = ", ".join(("name", "input_width", "input_height", *KEYS))
                raise ModelError(f"{key!r} is no key; there are: {known}")
        metadata = {key: _setting(key, value) for key, value in values.items()}
        Metadata.parse(metadata)
        return cls(name=name, input_size=size, metadata=metadata)


def _input_size(values: dict[str, object]) -> tuple[int, int] | None:
    """Takes the size of the input out of the values."""
    sides = [values.pop(key, None) for key in ("input_width", "input_height")]
    if sides == [None, None]:
        return None
    width, height = (
        side if isinstance(side, int) and not isinstance(side, bool) else 0 for side in sides
    )
    if width < 1 or height < 1:
        raise ModelError("input_width and input_height are not both whole pixels")
    return width, height


def _setting(key: str, value: object) -> str | tuple[str, ...]:
    """A value in the text form of a model's metadata."""
    if isinstance(value, list) and all(isinstance(part, _SCALARS) for part in value):
        return tuple(str(part) for part in value)
    if isinstance(value, _SCALARS):
        return str(value)
    raise ModelError(f"{key} = {value!r} is no text, number, truth value or list")


_SCALARS = str | int | float | bool


def merged(*layers: Mapping[str, str | tuple[str, ...]]) -> Settings:
    """The layers, each over those before it."""
    return {key: value for layer in layers for key, value in layer.items()}
