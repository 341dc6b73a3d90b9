"""The notes of a job's workers, kept by the head of the cluster while the job runs.

Rule: an actor of Ray could keep them too, but a process that only waits takes 1 % of a core.
"""

from dataclasses import dataclass

from ray.experimental import internal_kv as kept

NAMESPACE = b"facewire-batch"


@dataclass(frozen=True, slots=True)
class ClusterNotes:
    """Texts by the numbers of parts; those of other jobs are apart."""

    job: str

    def read(self, part: int) -> str | None:
        """Return what was written; None: nothing."""
        found = kept._internal_kv_get(self._key(part), namespace=NAMESPACE)
        return None if found is None else found.decode()

    def write(self, part: int, text: str) -> None:
        """Keep a text instead of what was written."""
        kept._internal_kv_put(self._key(part), text.encode(), namespace=NAMESPACE)

    def remove(self, part: int) -> None:
        """Forget what was written, if anything was."""
        kept._internal_kv_del(self._key(part), namespace=NAMESPACE)

    def clear(self) -> None:
        """Forget all that was written of this job."""
        kept._internal_kv_del(self._key(""), del_by_prefix=True, namespace=NAMESPACE)

    def _key(self, part: int | str) -> bytes:
        return f"{self.job}/{part}".encode()
