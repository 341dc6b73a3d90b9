"""A network made ready to compile: its head recognised, preprocessing added to the graph.

Rule: the result is cached under a key of everything it is made of, so that a later start
skips this work and never uses a stale network. OpenVINO puts its compiled blobs into the
same folder.
"""

import dataclasses
import logging
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any, Self

import openvino as ov
from openvino import opset15 as ops
from openvino.preprocess import InputInfo, PrePostProcessor

from facewire_server.errors import ModelError
from facewire_server.inference.compile_cache import CacheEntry, CompileCache, cache_key
from facewire_server.inference.heads import Head, Output, recognise
from facewire_server.inference.network import Network
from facewire_server.inference.runtime import Runtime
from facewire_server.models.files import ModelFiles
from facewire_server.models.metadata import Metadata
from facewire_server.models.signature import Signature
from facewire_server.models.source import Source
from facewire_server.models.values import Settings

logger = logging.getLogger("facewire_server.model.prepared")

GRAPH_FORM = 4
"""The version of what is cached, graphs and info; it is part of cache keys."""

MALFORMED = (ModelError, AttributeError, LookupError, TypeError, ValueError)
"""The errors of parsing the info of a cache entry that another program has written."""


@dataclass(frozen=True, slots=True)
class PreprocessedNetwork:
    """A network that is ready to compile, and its head.

    `model` is a graph in memory, or the path of a cached one. It takes uint8 [1,3,H,W],
    planes B, G, R; `input_size` is (width, height) in pixels. `sha256` is that of the weights
    file, in hexadecimal. `signature` is that of the network in its files. `cache_entry` None:
    the network is not cached.
    """

    model: ov.Model | Path
    head: Head
    input_size: tuple[int, int]
    sha256: str
    signature: Signature | None
    cache_entry: CacheEntry | None = None

    @classmethod
    def load(cls, source: Source, files: ModelFiles, runtime: Runtime) -> Self:
        """Take the network from the cache, or build and cache it.

        Raises ModelError if the files hold no network, or no head fits its outputs.
        """
        if runtime.cache is None:
            return cls.build(source, files)
        cache = CompileCache(runtime.cache / "compiled")
        key = cache_key(_ingredients(source, files))
        entry = cache.load(key)
        if entry is not None:
            try:
                return cls._from_entry(entry, files)
            except MALFORMED as error:
                logger.warning("%s is damaged: %s", entry.folder, error)
                entry.delete()
        built, model, info = cls._build(source, files)
        entry = cache.store(key, model, info)
        if entry is None:
            return built
        return dataclasses.replace(built, model=entry.graph, cache_entry=entry)

    @classmethod
    def build(cls, source: Source, files: ModelFiles) -> Self:
        """Build the network without the cache. Raises ModelError as `load` does."""
        return cls._build(source, files)[0]

    @classmethod
    def _build(cls, source: Source, files: ModelFiles) -> tuple[Self, ov.Model, dict[str, Any]]:
        """Build the network, and the info from which `_from_entry` restores it."""
        network, head, settings = read(source, files)
        signature = network.signature
        info = {
            "input_size": network.input_size,
            "outputs": [dataclasses.astuple(output) for output in network.outputs],
            "settings": dict(settings),
            "signature": None if signature is None else dataclasses.astuple(signature),
        }
        model = add_preprocessing(network, head)
        return cls(model, head, network.input_size, files.sha256, signature), model, info

    @classmethod
    def _from_entry(cls, entry: CacheEntry, files: ModelFiles) -> Self:
        """Restore a network from its cache entry. Raises one of MALFORMED."""
        outputs = [
            Output(tuple(names), tuple(shape), is_integer)
            for names, shape, is_integer in entry.info["outputs"]
        ]
        settings = {
            key: tuple(value) if isinstance(value, list) else value
            for key, value in entry.info["settings"].items()
        }
        width, height = entry.info["input_size"]
        head = recognise(outputs, (width, height), Metadata.parse(settings))
        stored = entry.info["signature"]
        signature = None if stored is None else Signature.restore(stored)
        return cls(entry.graph, head, (width, height), files.sha256, signature, entry)


def read(source: Source, files: ModelFiles) -> tuple[Network, Head, Settings]:
    """Read a network as it was published, recognise its head, and merge its settings.

    Raises ModelError as `PreprocessedNetwork.load` does.
    """
    network = Network(files, source.sidecar.input_size)
    settings = source.settings(network.metadata)
    head = recognise(network.outputs, network.input_size, Metadata.parse(settings))
    return network, head, settings


def add_preprocessing(network: Network, head: Head) -> ov.Model:
    """Add conversions at both ends of the graph; `network` must not be used afterwards.

    The input becomes uint8 [1,3,H,W], planes B, G, R, so that callers only write bytes.
    Planes are what networks compute on: an input of pixels would be transposed first. The
    outputs that the head reads become float32, or int32 where the head reads integers.
    """
    steps = PrePostProcessor(network.model)
    _convert_input(steps.input(), network.layout, head)
    for position in head.positions:
        kind = ov.Type.i32 if position in head.integers else ov.Type.f32
        steps.output(position).tensor().set_element_type(kind)
    return steps.build()


def input_conversion(network: Network, head: Head) -> ov.Model:
    """Return what `add_preprocessing` adds before the network, as a graph of its own.

    It takes uint8 [1,3,H,W], planes B, G, R, and returns the tensor of the network's input.
    """
    given = network.model.inputs[0]
    image = ops.parameter(given.shape, given.element_type)
    steps = PrePostProcessor(ov.Model([ops.result(image)], [image]))
    _convert_input(steps.input(), network.layout, head)
    return steps.build()


def _convert_input(image: InputInfo, layout: str, head: Head) -> None:
    """Let an input take uint8 [1,3,H,W], planes B, G, R."""
    image.tensor().set_element_type(ov.Type.u8).set_layout(ov.Layout("NCHW"))
    image.model().set_layout(ov.Layout(layout))
    convert = image.preprocess()
    if head.rgb:
        convert = convert.custom(_reverse_channels)
    if head.mean or head.scale:
        convert = convert.convert_element_type(ov.Type.f32)
    if head.mean:
        convert = convert.mean(_per_channel(head.mean))
    if head.scale:
        convert.scale(_per_channel(head.scale))


def _reverse_channels(planes: ov.Output) -> ov.Output:
    """Reverse the channels of [1,3,H,W].

    Not by `reverse_channels` of OpenVINO: with that, 2026.4 leaves out a reversal that the
    graph has already.
    """
    first, end, step, axis = (ops.constant([value]) for value in (2, -4, -1, 1))
    return ops.slice(planes, first, end, step, axis).output(0)


def _per_channel(values: tuple[float, ...]) -> list[float]:
    return list(values) * 3 if len(values) == 1 else list(values)


def _ingredients(source: Source, files: ModelFiles) -> list[object]:
    """Everything that changes the built network: versions, files, settings."""
    return [
        *(ov.__version__, version("facewire"), GRAPH_FORM),
        *files.fingerprint,
        *(source.sidecar.input_size, source.sidecar.ignored_keys),
        *(_sorted(source.sidecar.metadata), _sorted(source.defaults)),
    ]


def _sorted(settings: Settings) -> list[tuple[str, object]]:
    return sorted(settings.items())
