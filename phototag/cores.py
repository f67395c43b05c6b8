"""Nothing in, the number of processor cores that this process may use out."""

import os


def usable_cores() -> int:
    """Cores this process may use: fewer than the machine has, where a container or `taskset` says so."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
