"""A network made ready to be compiled: its head told, its conversions put in.

Rule: it is kept in the cache under everything that it is made of, so that a later start
converts nothing, and never meets what is out of date. OpenVINO keeps the compiled form
in the same folder.
"""

import dataclasses
import logging
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import openvino as ov

from facewire_server.errors import ModelError
from facewire_server.inference.compile_cache import CompileCache, Kept, key_of
from facewire_server.inference.heads import Head, Output, recognise
from facewire_server.inference.network import Network
from facewire_server.inference.preprocess import converted
from facewire_server.inference.runtime import Runtime
from facewire_server.models.files import ModelFiles
from facewire_server.models.metadata import Metadata, Settings
from facewire_server.models.source import Source

logger = logging.getLogger("facewire_server.model.prepared")

ODD = (ModelError, AttributeError, LookupError, TypeError, ValueError)
"""What reading the facts of a network raises when they are not what was written."""


@dataclass(frozen=True, slots=True)
class Prepared:
    """What OpenVINO compiles, and what facewire knows of it.

    `network` is a graph or the path of a kept one; `input_size` is (width, height) in
    pixels; `sha256` that of the weights file; `kept` is its place in the cache, None:
    nothing is kept.
    """

    network: ov.Model | Path
    head: Head
    input_size: tuple[int, int]
    sha256: str
    kept: Kept | None = None

    @classmethod
    def of(cls, source: Source, files: ModelFiles, runtime: Runtime) -> Self:
        """Takes the network from the cache, or makes it ready and keeps it.

        Raises ModelError when the files are no network, or its outputs fit no head.
        """
        if runtime.cache is None:
            return cls.made(source, files)[0]
        cache = CompileCache(runtime.cache / "compiled")
        key = key_of(_made_of(source, files))
        kept = cache.load(key)
        if kept is not None:
            try:
                return cls.of_kept(kept, files)
            except ODD as error:
                logger.warning("%s is damaged: %s", kept.folder, error)
                kept.forget()
        prepared, facts = cls.made(source, files)
        assert isinstance(prepared.network, ov.Model)
        kept = cache.store(key, prepared.network, facts)
        if kept is None:
            return prepared
        return dataclasses.replace(prepared, network=kept.graph, kept=kept)

    @classmethod
    def made(cls, source: Source, files: ModelFiles) -> tuple[Self, dict[str, Any]]:
        """Makes the network ready, and says what `of_kept` needs to know of it.

        Raises ModelError as `of` does.
        """
        network = Network(files, source.override.input_size)
        settings = source.settings(network.metadata)
        head = recognise(network.outputs, network.input_size, Metadata.parse(settings))
        facts = {
            "input_size": network.input_size,
            "outputs": [dataclasses.astuple(output) for output in network.outputs],
            "settings": dict(settings),
        }
        size = network.input_size
        return cls(converted(network, head), head, size, files.sha256), facts

    @classmethod
    def of_kept(cls, kept: Kept, files: ModelFiles) -> Self:
        """Reads what `made` has said of a kept network; raises what is odd about it."""
        outputs = [
            Output(tuple(names), tuple(shape), is_integer)
            for names, shape, is_integer in kept.facts["outputs"]
        ]
        settings = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in kept.facts["settings"].items()
        }
        width, height = kept.facts["input_size"]
        head = recognise(outputs, (width, height), Metadata.parse(settings))
        return cls(kept.graph, head, (width, height), files.sha256, kept)


def _made_of(source: Source, files: ModelFiles) -> list[object]:
    """All that a network is made of."""
    return [
        *(ov.__version__, version("facewire")),
        *files.fingerprint,
        *(source.override.input_size, _sorted(source.override.metadata)),
        _sorted(source.defaults),
    ]


def _sorted(settings: Settings) -> list[tuple[str, object]]:
    return sorted(settings.items())
