"""The order of the errors of Detect, as the .proto lists them."""

import re
from pathlib import Path

PROTO = Path(__file__).parents[2] / "proto" / "facewire" / "v1" / "detect.proto"


def documented() -> list[str]:
    """The reasons that the .proto lists for Detect, in order; BAD_RAW_IMAGE is there twice."""
    text = PROTO.read_text()
    comment = text[text.index("Errors, in the order") : text.index("rpc Detect(")]
    return re.findall(r"// - [A-Z_]+/([A-Z_]+):", comment)


def comes_first(reasons: set[str]) -> str:
    return next(each for each in documented() if each in reasons)
