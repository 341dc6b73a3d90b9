"""How the outputs of a raw head are sorted into kinds and levels."""

from collections.abc import Callable, Mapping, Sequence

from facewire_server.inference.heads.base import Output


def sort_levels(
    outputs: Sequence[Output],
    hints: Mapping[str, Sequence[str]],
    place: Callable[[str, Output], int | None],
) -> list[tuple[int, tuple[int, ...]]] | None:
    """Sorts outputs into levels, each with one output of every kind.

    `hints` gives for each kind the beginnings of names that tell it; where no name
    tells anything, outputs are taken to come kind by kind, in the order of `hints`,
    as exporters write them. `place(kind, output)` answers the stride of the level,
    or None when an output of that shape cannot be of that kind.

    Returns (stride, positions in the order of `hints`) by ascending stride, or None
    when the outputs cannot be sorted so.
    """
    kinds = _kinds_by_name(outputs, hints) or _kinds_by_order(outputs, hints)
    if kinds is None:
        return None
    levels: dict[int, dict[str, int]] = {}
    for position, (kind, output) in enumerate(zip(kinds, outputs, strict=True)):
        stride = place(kind, output)
        if stride is None or kind in levels.setdefault(stride, {}):
            return None
        levels[stride][kind] = position
    if any(len(level) != len(hints) for level in levels.values()):
        return None
    return [(stride, tuple(levels[stride][kind] for kind in hints)) for stride in sorted(levels)]


def _kinds_by_name(
    outputs: Sequence[Output], hints: Mapping[str, Sequence[str]]
) -> list[str] | None:
    kinds: list[str] = []
    for output in outputs:
        told = {
            kind
            for kind, beginnings in hints.items()
            for name in output.names
            if name.lower().startswith(tuple(beginnings))
        }
        if len(told) != 1:
            return None
        kinds.extend(told)
    return kinds


def _kinds_by_order(
    outputs: Sequence[Output], hints: Mapping[str, Sequence[str]]
) -> list[str] | None:
    count, rest = divmod(len(outputs), len(hints))
    if rest or not count:
        return None
    return [kind for kind in hints for _ in range(count)]
