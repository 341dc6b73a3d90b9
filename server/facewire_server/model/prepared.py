"""A network made ready to be compiled: its head told, its conversions put in.

Rule: it is kept in the cache, in a folder named after everything that it is made of, so
that a later start reads and converts nothing, and never meets what is out of date.
OpenVINO keeps the compiled form in the same folder.
"""

import dataclasses
import hashlib
import json
import logging
import shutil
import tempfile
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import openvino as ov

from facewire_server.errors import ModelError
from facewire_server.model.conversion import converted
from facewire_server.model.heads import Head, Output, recognise
from facewire_server.model.metadata import Metadata, Settings
from facewire_server.model.network import Network
from facewire_server.model.runtime import Runtime
from facewire_server.model.source import Source
from facewire_server.model.tail import cut_tail

logger = logging.getLogger(__name__)

GRAPH, FACTS = "network.xml", "network.json"


@dataclass(frozen=True, slots=True)
class Prepared:
    """What OpenVINO compiles, and what facewire knows of it.

    `network` is a graph or the path of a kept one; `input_size` is (width, height) in
    pixels; `sha256` that of the weights file; `folder` is for the compiled form, None:
    nothing is kept.
    """

    network: ov.Model | Path
    head: Head
    input_size: tuple[int, int]
    sha256: str
    folder: Path | None

    @classmethod
    def of(cls, source: Source, runtime: Runtime) -> Self:
        """Takes the network from the cache, or makes it ready and keeps it.

        Raises ModelError when the model cannot be read, or its outputs fit no head.
        """
        sha256 = source.sha256()
        folder = _folder(source, runtime, sha256)
        if folder is None or not folder.is_dir():
            return cls._made(source, runtime, sha256, folder)
        try:
            size, head = _read_facts(folder / FACTS)
        except (OSError, ValueError, TypeError, KeyError, ModelError) as error:
            logger.warning("%s is damaged and made again: %s", folder, error)
            return cls.again(source, runtime)
        return cls(folder / GRAPH, head, size, sha256, folder)

    @classmethod
    def again(cls, source: Source, runtime: Runtime) -> Self:
        """Forgets what is kept of a model, and makes it ready anew."""
        sha256 = source.sha256()
        folder = _folder(source, runtime, sha256)
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        return cls._made(source, runtime, sha256, folder)

    @property
    def is_kept(self) -> bool:
        """Whether the network comes from the cache."""
        return isinstance(self.network, Path)

    @classmethod
    def _made(
        cls, source: Source, runtime: Runtime, sha256: str, folder: Path | None
    ) -> Self:
        network = Network(source.path, source.override.input_size)
        settings = source.settings(network.metadata)
        head = recognise(network.outputs, network.input_size, Metadata.parse(settings))
        raw = cut_tail(network, head, source) if runtime.cut_tail else None
        if raw is not None:
            settings = raw
            metadata = Metadata.parse(settings)
            head = recognise(network.outputs, network.input_size, metadata)
        facts = {
            "input_size": network.input_size,
            "outputs": [dataclasses.astuple(output) for output in network.outputs],
            "settings": dict(settings),
        }
        size = network.input_size
        model = converted(network, head)
        if folder is not None and not _keep(model, facts, folder):
            folder = None
        return cls(folder / GRAPH if folder else model, head, size, sha256, folder)


def _read_facts(path: Path) -> tuple[tuple[int, int], Head]:
    """The input's size and the head of a kept network.

    Raises OSError, ValueError, TypeError, KeyError or ModelError for a damaged file.
    """
    facts = json.loads(path.read_text(encoding="utf-8"))
    outputs = [
        Output(tuple(names), tuple(shape), is_integer)
        for names, shape, is_integer in facts["outputs"]
    ]
    settings = {
        key: tuple(value) if isinstance(value, list) else value
        for key, value in facts["settings"].items()
    }
    width, height = facts["input_size"]
    return (width, height), recognise(
        outputs, (width, height), Metadata.parse(settings)
    )


def _folder(source: Source, runtime: Runtime, sha256: str) -> Path | None:
    """Where this model is kept; None: nothing is."""
    if runtime.cache is None:
        return None
    made_of = [
        *(ov.__version__, version("facewire"), sha256, runtime.cut_tail),
        source.graph_sha256(),
        *(source.override.input_size, _sorted(source.override.metadata)),
        _sorted(source.defaults),
    ]
    name = hashlib.sha256(json.dumps(made_of).encode()).hexdigest()[:32]
    return runtime.cache / "compiled" / name


def _sorted(settings: Settings) -> list[tuple[str, object]]:
    return sorted(settings.items())


def _keep(model: ov.Model, facts: dict[str, Any], folder: Path) -> bool:
    """Puts a network into the cache, all of it or nothing; answers whether it is there.

    Another process may have been faster, which is just as well.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent) as name:
            fresh = Path(name) / "fresh"
            fresh.mkdir()
            ov.save_model(model, fresh / GRAPH, compress_to_fp16=False)
            (fresh / FACTS).write_text(json.dumps(facts), encoding="utf-8")
            try:
                fresh.rename(folder)
            except OSError:
                if not folder.is_dir():
                    raise
    except (OSError, RuntimeError) as error:
        logger.warning("compiled networks are not kept: %s", error)
        return False
    return True
