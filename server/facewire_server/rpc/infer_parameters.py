"""Conversion of the parameters of requests of the Open Inference Protocol to values."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from facewire.inference.v2 import open_inference_pb2 as pb
from facewire_server.errors import Reason, RequestError
from facewire_server.inference.detector import Options

MOST_PARAMETERS = 16
"""The most parameters that are looked at: a message can have millions."""

SHOWN = 64
"""How many characters of a name that the caller chose an error repeats."""

IGNORED = frozenset(
    (
        *("priority", "triton_enable_empty_final_response"),
        *("sequence_id", "sequence_start", "sequence_end"),
    )
)
"""Parameters of a request that are accepted and change nothing: no request depends on another."""

REGION, BYTE_SIZE, OFFSET = SHARED_MEMORY = (
    "shared_memory_region",
    "shared_memory_byte_size",
    "shared_memory_offset",
)
"""The parameters of a tensor in shared memory; facewire_server.rpc.shared_memory reads them."""

IGNORED_OF_INPUTS = frozenset(("binary_data_size", "content_type", *SHARED_MEMORY))
"""Those of an input: clients of KServe send the first, and those of MLServer the second."""


@dataclass(frozen=True, slots=True)
class Parameters:
    """The parameters of a request. `timeout` in seconds; None: none was given."""

    options: Options
    timeout: float | None

    @classmethod
    def parse(cls, message: Mapping[str, pb.InferParameter]) -> Self:
        """Raises RequestError (BAD_OPTION) for unknown names, and values that do not fit."""
        known = {"min_confidence", "iou_threshold", "max_detections", "timeout"}
        given = known_parameters("the request", message, known, IGNORED)
        microseconds = whole_number(given, "timeout")
        return cls(
            Options(
                min_confidence=_number(given, "min_confidence"),
                iou_threshold=_number(given, "iou_threshold"),
                max_detections=whole_number(given, "max_detections"),
            ),
            microseconds / 1_000_000 if microseconds else None,  # for Triton, 0 is none
        )


def known_parameters(
    owner: str,
    message: Mapping[str, pb.InferParameter],
    known: set[str],
    ignored: frozenset[str],
) -> dict[str, pb.InferParameter]:
    """The parameters of an `owner` that are not ignored. Raises BAD_OPTION for unknown names."""
    if len(message) > MOST_PARAMETERS:
        raise bad_option(f"{owner} has {len(message)} parameters")
    given = {name: value for name, value in message.items() if name not in ignored}
    for name in given:
        if name not in known:
            raise bad_option(
                f"{owner} has the parameter {name[:SHOWN]!r}; known:"
                f" {', '.join(sorted(known)) or 'none'}"
            )
    return given


def _number(given: Mapping[str, pb.InferParameter], name: str) -> float | None:
    """The number of a parameter; None: it is not given. Raises BAD_OPTION for another type."""
    if name not in given:
        return None
    kind = given[name].WhichOneof("parameter_choice")
    if kind not in ("int64_param", "uint64_param", "double_param"):
        raise bad_option(f"the parameter {name} is no number")
    value: float = getattr(given[name], kind)
    return value


def whole_number(given: Mapping[str, pb.InferParameter], name: str) -> int | None:
    """The whole number of 0 or more of a parameter; None: it is not given."""
    value = _number(given, name)
    if value is None:
        return None
    if not (0 <= value < 1 << 63 and value == int(value)):
        raise bad_option(f"the parameter {name} is {value}, not a whole number of 0 or more")
    return int(value)


def bad_option(problem: str) -> RequestError:
    """BAD_OPTION with this message."""
    return RequestError(Reason.BAD_OPTION, problem)
