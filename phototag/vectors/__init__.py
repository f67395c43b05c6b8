"""Embeddings of photos, kept beside the index so that no photo is decoded twice: stored, found again, compared."""

import glob
import os
from pathlib import Path

from phototag.records import Network
from phototag.vectors.file import VectorFile, pace_of

__all__ = ["VectorFile", "last_pace", "vectors_path"]


def vectors_path(index: Path, network: Network) -> Path:
    """Where a network's vectors lie: beside the index, a file for each network; it may be deleted at any time."""
    return index.with_name(f"{index.name}.{network.fingerprint[:12]}.vectors")


def last_pace(index: Path) -> float | None:
    """How many photos a second the last scan looked at, whichever network it used; None where nobody noted it."""
    pattern = glob.escape(str(index)) + ".*.vectors"
    paces = ((os.stat(path).st_mtime, pace) for path in glob.glob(pattern) if (pace := pace_of(Path(path))))
    return max(paces, default=(0.0, None))[1]
