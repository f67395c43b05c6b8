"""`phototag suggest` as its users run it."""

import json
from pathlib import Path

import numpy as np

from phototag.bundle import DEFAULT_NETWORK, find_network, save_bundle
from phototag.records import Classifier, Dense, Label
from tests.conftest import Run
from tests.photos import make_noise, picture


def test_photos_worth_labelling_are_listed_and_copied(phototag: Run, home: Path, tmp_path: Path) -> None:
    network = find_network(DEFAULT_NETWORK)
    head = Dense(np.zeros((network.embedding_size, 2), np.float32), np.zeros(2, np.float32))
    undecided = Classifier((head,), "softmax", (Label("dog", (0,), threshold=0.9), Label("cat", (1,), threshold=0.9)))
    folder = home / "models" / "undecided"
    save_bundle(folder, name="undecided", network=network, classifier=undecided, metrics={}, settings={})
    library = tmp_path / "library"
    (library / "trip").mkdir(parents=True)
    picture((300, 225)).save(library / "one.png")
    make_noise((300, 225)).save(library / "trip" / "one.png")
    assert phototag("scan", library).returncode == 0
    run = phototag("suggest", "--copy-to", tmp_path / "next")
    assert run.returncode == 0, run.stderr
    assert "unsure between cat 0.50 and dog 0.50 (" in run.stdout
    assert "2 photos in " in run.stderr
    copied = sorted(path.name for path in (tmp_path / "next").rglob("*.png"))
    assert [name[:3] for name in copied] == ["one", "one"]
    lines = [json.loads(line) for line in phototag("suggest", "--json", "--model", "undecided").stdout.splitlines()]
    assert {photo for line in lines for photo in line["photos"]} == {str(path) for path in library.rglob("*.png")}
    only = phototag("suggest", "--limit", "1", "--json")
    assert len(json.loads(only.stdout)["photos"]) == 1
    assert phototag("suggest", "--copy-to", tmp_path / "next").returncode == 0
    assert len(list((tmp_path / "next").rglob("*.png"))) == 2, "what is there already is left as it is"
    (library / "one.png").unlink()
    gone = phototag("suggest", "--copy-to", tmp_path / "again")
    assert (gone.returncode, "all but 1 copied" in gone.stderr) == (1, True)
    (tmp_path / "file").write_bytes(b"")
    assert phototag("suggest", "--copy-to", tmp_path / "file").returncode == 2
