"""The sidecar of a model: a TOML file in which its operator overrides its metadata.

Rule: an unknown key, or a value of the wrong type, refuses the model.
"""

import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

from facewire_server.errors import ModelError
from facewire_server.models.metadata import KEYS, Metadata
from facewire_server.models.values import Settings

OWN_KEYS = ("name", "input_width", "input_height", "ignored_keys")
"""The keys of a sidecar that are no settings."""

SCALARS = str | int | float | bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Sidecar:
    """A model's name, the size of its input, and its settings.

    `name` None: that of the model's file. `input_size` is (width, height) in pixels, for
    a network that leaves it open. `ignored_keys` are keys of the file's own metadata that
    are taken for absent.
    """

    name: str | None = None
    input_size: tuple[int, int] | None = None
    ignored_keys: tuple[str, ...] = ()
    metadata: Settings = field(default_factory=dict)

    @classmethod
    def beside(cls, model: Path) -> Self:
        """Read `model.toml` beside `model.xml` or `model.onnx`; without one, all defaults.

        Raises ModelError, which names the file.
        """
        path = model.with_suffix(".toml")
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (FileNotFoundError, NotADirectoryError):
            return cls()
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ModelError(f"{path} cannot be read: {error}") from error
        try:
            return cls._parse(values)
        except ModelError as error:
            raise ModelError(f"{path}: {error}") from None

    @classmethod
    def _parse(cls, values: dict[str, object]) -> Self:
        name = values.pop("name", None)
        if name is not None and not (isinstance(name, str) and name.strip()):
            raise ModelError(f"name = {name!r} is no name")
        size = _pop_input_size(values)
        ignored = values.pop("ignored_keys", [])
        if not (isinstance(ignored, list) and all(isinstance(key, str) for key in ignored)):
            raise ModelError(f"ignored_keys = {ignored!r} is no list of keys")
        for key in values:
            if key not in KEYS:
                known = ", ".join((*OWN_KEYS, *KEYS))
                raise ModelError(f"{key!r} is no key; there are: {known}")
        metadata = {key: _text_form(key, value) for key, value in values.items()}
        Metadata.parse(metadata)  # Values are checked here, so that the error names the file.
        return cls(name=name, input_size=size, ignored_keys=tuple(ignored), metadata=metadata)


def _pop_input_size(values: dict[str, object]) -> tuple[int, int] | None:
    """Remove the size of the input from `values` and return it. Raises ModelError."""
    sides = [values.pop(key, None) for key in ("input_width", "input_height")]
    if sides == [None, None]:
        return None
    width, height = (
        side if isinstance(side, int) and not isinstance(side, bool) else 0 for side in sides
    )
    if width < 1 or height < 1:
        raise ModelError("input_width and input_height are not both whole pixels")
    return width, height


def _text_form(key: str, value: object) -> str | tuple[str, ...]:
    """Convert a TOML value to the text form of metadata. Raises ModelError."""
    if isinstance(value, list) and all(isinstance(part, SCALARS) for part in value):
        return tuple(str(part) for part in value)
    if isinstance(value, SCALARS):
        return str(value)
    raise ModelError(f"{key} = {value!r} is no text, number, truth value or list")
