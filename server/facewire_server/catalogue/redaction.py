"""Redaction: addresses in messages without the secrets in them."""

import re

USER = re.compile(r"(?<=://)(?:[^\s/:@]*:(?!\d+/)\S*|[^\s/]*)@")
"""User and password. A password may have a slash in it, which is an error; a port has not."""

QUERY = re.compile(r"(://[^\s?'\"]*\?)[^\s'\"]+")
"""The query, in which stores are given tokens and signatures."""


def hide_secrets(text: str) -> str:
    """Return a text without the users, passwords and queries of the addresses in it."""
    return QUERY.sub(r"\1...", USER.sub("", text))
