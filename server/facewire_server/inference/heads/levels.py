"""Sorting the outputs of a raw head into kinds (logits, deltas ...) and levels (strides)."""

from collections.abc import Callable, Mapping, Sequence

from facewire_server.inference.heads.output import Output


def sort_levels(
    outputs: Sequence[Output],
    name_prefixes: Mapping[str, Sequence[str]],
    stride_of: Callable[[str, Output], int | None],
) -> list[tuple[int, tuple[int, ...]]] | None:
    """Sort outputs into levels, each with one output of every kind.

    `name_prefixes` maps each kind to the prefixes of its outputs' names. If the names do
    not show the kinds, outputs are taken to come kind by kind, in the order of
    `name_prefixes`, as exporters write them. `stride_of(kind, output)` returns the stride
    of the output's level, or None if its shape does not fit the kind.

    Returns (stride, positions in the order of `name_prefixes`) by ascending stride; None
    if the outputs are no such levels.
    """
    kinds = _kinds_by_name(outputs, name_prefixes) or _kinds_by_order(outputs, name_prefixes)
    if kinds is None:
        return None
    levels: dict[int, dict[str, int]] = {}
    for position, (kind, output) in enumerate(zip(kinds, outputs, strict=True)):
        stride = stride_of(kind, output)
        if stride is None or kind in levels.setdefault(stride, {}):
            return None
        levels[stride][kind] = position
    if any(len(level) != len(name_prefixes) for level in levels.values()):
        return None
    return [
        (stride, tuple(levels[stride][kind] for kind in name_prefixes)) for stride in sorted(levels)
    ]


def _kinds_by_name(
    outputs: Sequence[Output], name_prefixes: Mapping[str, Sequence[str]]
) -> list[str] | None:
    """Find the kind of each output by its names; None unless all are unambiguous."""
    kinds: list[str] = []
    for output in outputs:
        matches = {
            kind
            for kind, prefixes in name_prefixes.items()
            for name in output.names
            if name.lower().startswith(tuple(prefixes))
        }
        if len(matches) != 1:
            return None
        kinds.extend(matches)
    return kinds


def _kinds_by_order(
    outputs: Sequence[Output], name_prefixes: Mapping[str, Sequence[str]]
) -> list[str] | None:
    """Find the kinds by the order of the outputs; None if their number does not fit."""
    count, remainder = divmod(len(outputs), len(name_prefixes))
    if remainder or not count:
        return None
    return [kind for kind in name_prefixes for _ in range(count)]


def cells(input_size: tuple[int, int], stride: int) -> int:
    """Return how many cells of a stride cover an input of (width, height) pixels."""
    width, height = input_size
    return -(-width // stride) * -(-height // stride)
