"""A library in; scanned with the small network of colours, its vectors stored, out."""

from pathlib import Path
from typing import Any

from phototag.decide import Rules
from phototag.index import Index
from phototag.metadata import open_writer
from phototag.scan import Job, scan
from phototag.vectors import VectorFile
from tests.models import COLOURS, ColourBackbone


def run_scan(library: Path, index: Index, vectors: VectorFile, **how: Any) -> None:
    settings: dict[str, Any] = {"model": "colours", "decision": "1", "classifier": COLOURS, "rules": Rules()}
    settings |= {"backbone": ColourBackbone(), "writer": open_writer(), "index": index, "workers": 2}
    list(scan([str(library)], Job(**settings | {"vectors": vectors} | how)))
