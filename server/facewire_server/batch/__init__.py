"""Detection in many photos, on the cores of a cluster: what `facewire-server batch` does.

Rule: Ray is imported when a job runs, and by `cluster.py`, `worker.py` and `work.py` alone; the
photos are read by the workers, and pass through no other process.
"""
