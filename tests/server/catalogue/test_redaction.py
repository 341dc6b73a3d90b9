"""What is hidden in the addresses of messages, and what is not."""

import pytest

from facewire_server.catalogue.redaction import hide_secrets


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("http://me:secret@host/a?b", "http://host/a?..."),
        ("sftp://me:se/cret@host/a", "sftp://host/a"),
        ("sftp://me:se@cret@host/a", "sftp://host/a"),
        ("az://token@box/a", "az://box/a"),
        ("no 'https://host/a?sig=secret': 403", "no 'https://host/a?...': 403"),
        ("http://a:secret@host, then s3://b:secret@host", "http://host, then s3://host"),
        ("http://host:8080/a@b", "http://host:8080/a@b"),
        ("s3://bucket/a@b", "s3://bucket/a@b"),
        ("what? me@host", "what? me@host"),
    ],
)
def test_users_passwords_and_queries_are_hidden(text: str, shown: str) -> None:
    assert hide_secrets(text) == shown
