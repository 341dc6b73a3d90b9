"""The tokens that a server admits, stored as SHA-256 digests.

Rule: no token leaves this module, not even in the error about its line.
"""

import hashlib
import re
from collections.abc import Iterator, Mapping, Sequence
from hmac import compare_digest
from pathlib import Path

from facewire_server.errors import ConfigError

FLAG = "--token-file"
PREFIX = "sha256:"
"""The prefix of a line that holds the hexadecimal digest of a token, not the token."""


class Tokens:
    """A file of tokens, one a line, in clear or as `sha256:HEX`.

    Blank lines and lines that begin with `#` are skipped. Before the file is loaded no
    token is admitted.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._digests: frozenset[bytes] = frozenset()

    @property
    def files(self) -> dict[str, Path]:
        """The file to read, by its flag."""
        return {FLAG: self._path}

    def load(self, contents: Mapping[str, bytes]) -> None:
        """Use the tokens in the content of the file, given by FLAG.

        Raises ConfigError, which names the flag and the line; then the tokens loaded
        before stay in use.
        """
        digests = frozenset(self._digests_of(contents[FLAG]))
        if not digests:
            raise ConfigError(f"{FLAG}: {self._path} holds no token")
        self._digests = digests

    def admit(self, authorization: Sequence[str]) -> bool:
        """Whether a call with these `authorization` headers shows one of the tokens.

        All digests are compared, each in constant time, so that the duration depends only
        on their number.
        """
        if len(authorization) != 1:
            return False
        scheme, _, token = authorization[0].partition(" ")
        token = token.strip()
        if scheme.lower() != "bearer" or not token or not token.isascii():
            return False
        shown = hashlib.sha256(token.encode()).digest()
        found = False
        for digest in self._digests:
            found |= compare_digest(digest, shown)
        return found

    def _digests_of(self, content: bytes) -> Iterator[bytes]:
        for number, line in enumerate(content.splitlines(), start=1):
            line = line.strip()
            if line and not line.startswith(b"#"):
                try:
                    yield _digest(line)
                except ValueError as error:
                    where = f"{self._path}, line {number}"
                    raise ConfigError(f"{FLAG}: {where}: {error}") from None


def _digest(line: bytes) -> bytes:
    """Return the digest of the token on a line. Raises ValueError without the line."""
    if line.lower().startswith(PREFIX.encode()):
        digits = line[len(PREFIX) :]
        if not re.fullmatch(rb"[0-9A-Fa-f]{64}", digits):
            raise ValueError(f"not 64 hexadecimal digits after {PREFIX}")
        digest = bytes.fromhex(digits.decode())
        if digest == hashlib.sha256(b"").digest():
            raise ValueError("the digest of an empty token")
        return digest
    if not re.fullmatch(rb"[!-~]+", line):
        raise ValueError("a token is one word of visible ASCII characters")
    return hashlib.sha256(line).digest()
