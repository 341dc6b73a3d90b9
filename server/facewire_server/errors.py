"""The errors that facewire raises on purpose, and how to free what an error refers to.

Rule: nothing of facewire is imported here. An error carries a reason and one sentence that
may be shown to the caller; `facewire_server.rpc.status` maps it to a gRPC status.

Rule: an error that is stored, or that can be reached from a stored object, must not keep a
request in memory. Its traceback refers to all frames that it has passed and to their
callers, and these to their local variables. Where one of them refers to the error, only
the garbage collector would end the cycle, and it runs by the number of objects, not by
their bytes: `detach` and `released` break the cycle at once.
"""

import copyreg
import traceback
from contextlib import AbstractContextManager
from enum import StrEnum


class Reason(StrEnum):
    """The reason of an error: the `reason` of google.rpc.ErrorInfo."""

    EMPTY_IMAGE = "EMPTY_IMAGE"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    CORRUPT_IMAGE = "CORRUPT_IMAGE"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    BAD_RAW_IMAGE = "BAD_RAW_IMAGE"
    BAD_OPTION = "BAD_OPTION"
    BAD_TENSOR = "BAD_TENSOR"
    BAD_REGION = "BAD_REGION"
    UNKNOWN_REGION = "UNKNOWN_REGION"
    REGION_EXISTS = "REGION_EXISTS"
    TOO_MANY_REGIONS = "TOO_MANY_REGIONS"
    UNKNOWN_MODEL = "UNKNOWN_MODEL"
    MODEL_NOT_LOADED = "MODEL_NOT_LOADED"
    MESSAGE_TOO_LARGE = "MESSAGE_TOO_LARGE"
    BAD_MESSAGE = "BAD_MESSAGE"
    MESSAGE_TIMEOUT = "MESSAGE_TIMEOUT"
    METADATA_TOO_LARGE = "METADATA_TOO_LARGE"
    TOO_MANY_CALLS = "TOO_MANY_CALLS"
    STREAM_IDLE = "STREAM_IDLE"
    QUEUE_FULL = "QUEUE_FULL"
    OUT_OF_MEMORY = "OUT_OF_MEMORY"
    DEADLINE_UNREACHABLE = "DEADLINE_UNREACHABLE"
    SHUTTING_DOWN = "SHUTTING_DOWN"
    NOT_READY = "NOT_READY"
    NOT_SERVED = "NOT_SERVED"
    FRAME_DROPPED = "FRAME_DROPPED"
    BAD_TOKEN = "BAD_TOKEN"


class FacewireError(Exception):
    """The base of all errors that facewire raises on purpose."""

    def __reduce__(self) -> tuple[object, ...]:
        # Copied without `__init__`, whose parameters differ from `args`: errors pass between
        # processes, and one that cannot be unpickled there hides what has happened.
        return copyreg.__newobj__, (type(self), *self.args), vars(self)  # type: ignore[attr-defined]


class RequestError(FacewireError):
    """The request is at fault: the same request will fail again."""

    def __init__(self, reason: Reason, message: str) -> None:
        super().__init__(message)
        self.reason = reason


def corrupt_image(kind: str) -> RequestError:
    """CORRUPT_IMAGE: the data starts as a `kind` ("PNG") and does not decode."""
    return RequestError(Reason.CORRUPT_IMAGE, f"the {kind} data is damaged or cut off")


def excessive_image(kind: str, excess: str) -> RequestError:
    """CORRUPT_IMAGE: a `kind` ("JPEG") exceeds a limit by `excess` ("more than 32 scans")."""
    return RequestError(
        Reason.CORRUPT_IMAGE, f"the {kind} data holds {excess}, which is not supported"
    )


def unsupported_image(kind: str, feature: str) -> RequestError:
    """UNSUPPORTED_FORMAT: a valid `kind` ("TIFF") has a `feature` ("32-bit samples").

    No library used here decodes it, or none decodes it correctly.
    """
    return RequestError(
        Reason.UNSUPPORTED_FORMAT,
        f"the {kind} data holds {feature}, which is not supported",
    )


class RefusalError(FacewireError):
    """The server refuses a request now, and may accept it later.

    `retry_after` is the time after which to try again, in seconds; None: not at all.
    """

    def __init__(self, reason: Reason, message: str, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.retry_after = retry_after


class ModelError(FacewireError):
    """A model cannot be loaded or is not supported; for the operator."""


class CommandError(FacewireError):
    """A command has failed; the message is for the person who typed it."""


class ConfigError(FacewireError):
    """A setting is invalid; the message names it, for the operator."""


class Trace(Exception):
    """The traceback of an error as text, set as its cause for the log."""

    def __str__(self) -> str:
        return f'\n"""\n{self.args[0]}"""'


def detach(error: BaseException) -> None:
    """Remove the traceback, the cause and the context of an error.

    For an unforeseen error, whose trace will be logged, all three are kept as text.
    """
    is_unforeseen = isinstance(error, Exception) and not isinstance(error, FacewireError)
    text = "".join(traceback.format_exception(error)) if is_unforeseen else ""
    error.__traceback__ = error.__context__ = None
    error.__cause__ = Trace(text) if is_unforeseen else None


class _Released(AbstractContextManager[None, None]):
    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            _clear_frames(error)


_RELEASED = _Released()


def released() -> AbstractContextManager[None, None]:
    """Clear the local variables of all frames that an error from the context has passed.

    The frames of its causes are cleared too, but not those that are still running. File
    names and line numbers are kept for the log.
    """
    return _RELEASED


def _clear_frames(error: BaseException) -> None:
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        each = pending.pop()
        if each is not None and id(each) not in seen:
            seen.add(id(each))
            traceback.clear_frames(each.__traceback__)
            pending += (each.__cause__, each.__context__)
