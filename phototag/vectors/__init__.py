"""Embeddings of photos, kept beside the index so that no photo is decoded twice: stored, found again, compared."""

from pathlib import Path

from phototag.records import Network
from phototag.vectors.file import VectorFile

__all__ = ["VectorFile", "vectors_path"]


def vectors_path(index: Path, network: Network) -> Path:
    """Where a network's vectors lie: beside the index, a file for each network; it may be deleted at any time."""
    return index.with_name(f"{index.name}.{network.fingerprint[:12]}.vectors")
