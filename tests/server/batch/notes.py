"""The notes of workers that are in this process."""


class NotesHere:
    """What a job's workers have written, without a cluster."""

    def __init__(self) -> None:
        self.texts: dict[int, str] = {}

    def read(self, part: int) -> str | None:
        """Return what was written; None: nothing."""
        return self.texts.get(part)

    def write(self, part: int, text: str) -> None:
        """Keep a text instead of what was written."""
        self.texts[part] = text

    def remove(self, part: int) -> None:
        """Forget what was written, if anything was."""
        self.texts.pop(part, None)
