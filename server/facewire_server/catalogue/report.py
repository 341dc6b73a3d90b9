"""What a pull tells of itself while it goes on."""


class Report:
    """Told by a pull; this one keeps it to itself."""

    def note(self, line: str) -> None:
        """Something worth a line happened."""

    def progress(self, there: int, size: int) -> None:
        """So many bytes of the model's `size` are here."""
