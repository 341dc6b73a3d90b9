"""What can go wrong, by whose fault it is.

Rule: an error carries a reason and one sentence that may be shown to the caller.
It knows nothing of gRPC: `facewire_server.rpc.status` maps it to a status.
"""

from enum import StrEnum


class Reason(StrEnum):
    """Why a request was not answered: the `reason` of google.rpc.ErrorInfo."""

    EMPTY_IMAGE = "EMPTY_IMAGE"
    UNSUPPORTED_FORMAT = "UNSUPPORTED_FORMAT"
    CORRUPT_IMAGE = "CORRUPT_IMAGE"
    IMAGE_TOO_LARGE = "IMAGE_TOO_LARGE"
    BAD_RAW_IMAGE = "BAD_RAW_IMAGE"
    BAD_OPTION = "BAD_OPTION"
    UNKNOWN_MODEL = "UNKNOWN_MODEL"
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
    FRAME_DROPPED = "FRAME_DROPPED"
    BAD_TOKEN = "BAD_TOKEN"


class FacewireError(Exception):
    """The root of every error that facewire raises on purpose."""


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
    """The operator's fault: a setting that makes no sense; the message names it."""
