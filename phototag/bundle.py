"""Model folders: a network folder or a bundle on disk in, verified records out, and back.

A network folder holds `network.json` and the network's files. A bundle, what `phototag train` writes, holds
`manifest.json`, `head.npz` (layer kernels and biases, float32), `neighbours.npz` (training embeddings, float16, and
their votes) where it has them, and names its network by fingerprint; a fine-tuned network travels in the bundle's own
`network/` folder. Every file's SHA-256 stands in the manifest and is checked on load.
"""

import hashlib
import json
import os
import shutil
import unicodedata
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np

from phototag.errors import ModelError
from phototag.records import Classifier, Dense, Label, Neighbours, Network, Span, Votes

FORMAT_VERSION = 1
BUILT_IN = "imagenet"
DEFAULT_NETWORK = "efficientnet-lite0"
_LAYERS_MOST = 8


@dataclass(frozen=True, slots=True, eq=False)
class Bundle:
    """A model, loaded and verified.

    Attributes:
        name: what `--model` takes.
        folder: where it lies.
        fingerprint: SHA-256 over everything that decides, hexadecimal; not over dates or metrics.
        network: the network its embeddings come from.
        classifier: the head, labels, thresholds and neighbours.
        created: ISO 8601, UTC.
        metrics: figures measured when it was made, by name.
        settings: what it was trained with.
        history: how training went, an entry for each epoch; see `phototag.train.history`.
    """

    name: str
    folder: Path
    fingerprint: str
    network: Network
    classifier: Classifier
    created: str
    metrics: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    history: tuple[Mapping[str, Any], ...] = ()


def shipped_models() -> Path:
    """The folder of the networks and models that come with phototag, in a checkout or an installed wheel."""
    package = Path(__file__).resolve().parent
    for folder in (package / "models", package.parent / "models"):
        if (folder / BUILT_IN).is_dir():
            return folder
    raise ModelError(f"phototag's own models are missing beside {package}: install phototag again")


def find_network(name: str, fingerprint: str | None = None) -> Network:
    """Find a shipped network by name, and check it is the one meant.

    Raises:
        ModelError: unknown, damaged, or with another fingerprint than asked for.
    """
    folder = shipped_models() / name
    if not (folder / "network.json").is_file():
        known = ", ".join(sorted(p.parent.name for p in shipped_models().glob("*/network.json")))
        raise ModelError(f"unknown network {name!r}: choose one of {known}")
    network = load_network(folder)
    if fingerprint is not None and network.fingerprint != fingerprint:
        raise ModelError(
            f"the model was made with another version of the network {name!r} "
            f"({fingerprint[:12]}, here {network.fingerprint[:12]}): train it again"
        )
    return network


def load_network(folder: Path) -> Network:
    """Load a network folder's manifest. The files it names are checked by `verify_network`, when they are opened.

    Raises:
        ModelError: missing or damaged.
    """
    manifest = _read_manifest(folder / "network.json")
    try:
        hashes = {str(role): (str(entry["file"]), str(entry["sha256"])) for role, entry in manifest["files"].items()}
        decides = [sorted(hashes.items()), manifest["image_size"], manifest["fit"]]
        return Network(
            name=str(manifest["name"]),
            fingerprint=hashlib.sha256(json.dumps(decides).encode()).hexdigest(),
            folder=str(folder),
            files={role: file for role, (file, _) in hashes.items()},
            image_size=int(manifest["image_size"]),
            embedding_size=int(manifest["embedding_size"]),
            fit=manifest["fit"],
        )
    except (KeyError, TypeError, ValueError, AttributeError) as exc:
        raise ModelError(f"{folder / 'network.json'} is damaged ({exc!r}): install or train the model again") from exc


def network_file(network: Network, role: str) -> Path:
    """The path of one of a network's files, its hash checked.

    Raises:
        ModelError: the network has no such file, or it is damaged.
    """
    folder = Path(network.folder)
    expected = _read_manifest(folder / "network.json")["files"].get(role)
    if expected is None:
        raise ModelError(f"the network in {folder} has no {role} file")
    path = _inside(folder, str(expected["file"]))
    _verify(path, str(expected["sha256"]))
    return path


def load_bundle(folder: Path) -> Bundle:
    """Load and verify a bundle.

    Raises:
        ModelError: missing, damaged, of a newer version, or its network is not here.
    """
    manifest = _read_manifest(folder / "manifest.json")
    version = manifest.get("version")
    if not isinstance(version, int) or version > FORMAT_VERSION:
        raise ModelError(
            f"the model in {folder} has format version {version!r}, this phototag reads up to {FORMAT_VERSION}: "
            "install a newer phototag"
        )
    try:
        for file, digest in manifest["files"].items():
            _verify(_inside(folder, file), digest)
        network = _bundle_network(folder, manifest["network"])
        classifier = _load_classifier(folder, manifest)
        return Bundle(
            name=str(manifest["name"]),
            folder=folder,
            fingerprint=_fingerprint(manifest),
            network=network,
            classifier=classifier,
            created=str(manifest["created"]),
            metrics=dict(manifest.get("metrics", {})),
            settings=dict(manifest.get("settings", {})),
            history=tuple(manifest.get("history", [])),
        )
    except (KeyError, TypeError, ValueError, AttributeError, IndexError, OSError, zipfile.BadZipFile) as exc:
        raise ModelError(f"the model in {folder} is damaged ({exc!r}): train it again or restore the folder") from exc


def check_output(folder: Path) -> None:
    """Make sure that a bundle may be written to a folder: it is absent, empty, or holds one already.

    Raises:
        ModelError: it holds something else, or cannot be looked into.
    """
    try:
        if folder.exists() and any(folder.iterdir()) and not (folder / "manifest.json").is_file():
            raise ModelError(f"{folder} is not empty and holds no model: choose another --output")
    except OSError as exc:
        raise ModelError(f"the model cannot be written to {folder}: {exc.strerror}") from exc


def save_bundle(
    folder: Path,
    *,
    name: str,
    network: Network,
    classifier: Classifier,
    metrics: Mapping[str, Any],
    settings: Mapping[str, Any],
    history: Sequence[Mapping[str, Any]] = (),
    created: datetime | None = None,
) -> Bundle:
    """Write a bundle beside its place, then move it there whole; an earlier bundle of that name is replaced.

    Args:
        folder: where it will lie; must be absent, empty, or a bundle.
        name: what `--model` will take.
        network: a shipped network, which is named, or another, whose folder is copied to `network/`.
        classifier: what it decides with.
        metrics: JSON-able figures.
        settings: JSON-able settings it was trained with.
        history: JSON-able, an entry for each epoch.
        created: now, unless given.

    Raises:
        ModelError: `folder` holds something else, or cannot be written.
    """
    check_output(folder)
    fresh = folder.with_name(f".{folder.name}.new-{os.getpid()}")
    stale = folder.with_name(f".{folder.name}.old-{os.getpid()}")
    try:
        fresh.mkdir(parents=True)
        np.savez(fresh / "head.npz", allow_pickle=False, **_head_arrays(classifier))
        if classifier.neighbours is not None:
            np.savez(fresh / "neighbours.npz", allow_pickle=False, **_neighbour_arrays(classifier.neighbours))
        if not Path(network.folder).is_relative_to(shipped_models()):
            shutil.copytree(network.folder, fresh / "network")
        manifest: dict[str, Any] = {
            "format": "phototag bundle",
            "version": FORMAT_VERSION,
            "name": name,
            "created": (created or datetime.now(UTC)).isoformat(timespec="seconds"),
            "network": {"name": network.name, "fingerprint": network.fingerprint},
            "activation": classifier.activation,
            "labels": [asdict(label) for label in classifier.labels],
            "neighbours": None if classifier.neighbours is None else _neighbour_numbers(classifier.neighbours),
            "metrics": dict(metrics),
            "settings": dict(settings),
            "history": list(history),
            "files": {path.name: _sha256(path) for path in sorted(fresh.glob("*.npz"))},
        }
        text = json.dumps(manifest, indent=1, ensure_ascii=False, sort_keys=True)
        (fresh / "manifest.json").write_text(text + "\n", encoding="utf-8")
        if folder.exists():
            os.replace(folder, stale)
        os.replace(fresh, folder)
    except OSError as exc:
        raise ModelError(f"the model cannot be written to {folder}: {exc.strerror or exc}") from exc
    finally:
        if stale.exists() and not folder.exists():  # stopped between the two moves
            os.replace(stale, folder)
        shutil.rmtree(fresh, ignore_errors=True)
        shutil.rmtree(stale, ignore_errors=True)
    return load_bundle(folder)


def list_bundles(models_dir: Path) -> Iterator[Bundle | ModelError]:
    """The built-in model, then the user's, newest first; a damaged one comes as the error it raises."""
    try:
        built_in: Bundle | ModelError = load_bundle(shipped_models() / BUILT_IN)
    except ModelError as exc:
        built_in = exc
    yield built_in
    found: list[tuple[str, Bundle | ModelError]] = []
    for manifest in _trained(models_dir):
        try:
            bundle = load_bundle(manifest.parent)
            found.append((bundle.created, bundle))
        except ModelError as exc:
            found.append(("", exc))
    yield from (item for _, item in sorted(found, key=lambda pair: pair[0], reverse=True))


def find_bundle(name: str | None, models_dir: Path) -> Bundle:
    """Find a model by name or folder; without a name, the newest trained one, else the built-in one.

    Raises:
        ModelError: there is none of that name, or it is damaged.
    """
    if name is None:
        trained = (item for item in list_bundles(models_dir) if isinstance(item, Bundle) and item.name != BUILT_IN)
        return next(trained, None) or load_bundle(shipped_models() / BUILT_IN)
    if name == BUILT_IN:
        return load_bundle(shipped_models() / BUILT_IN)
    for folder in (models_dir / name, Path(name)):
        if (folder / "manifest.json").is_file():
            return load_bundle(folder)
    known = [BUILT_IN, *sorted(manifest.parent.name for manifest in _trained(models_dir))]
    raise ModelError(f"no model {name!r}: known are {', '.join(known)}; or give the folder of one")


def _trained(models_dir: Path) -> list[Path]:
    """The manifests of the user's models; hidden folders are what a killed `save_bundle` left."""
    return [path for path in models_dir.glob("*/manifest.json") if not path.parent.name.startswith(".")]


def _bundle_network(folder: Path, entry: Mapping[str, Any]) -> Network:
    own = folder / "network"
    if not own.is_dir():
        return find_network(str(entry["name"]), str(entry["fingerprint"]))
    network = load_network(own)
    if network.fingerprint != entry["fingerprint"]:
        raise ModelError(f"the network in {own} is not the one the model was made with: restore the folder")
    return network


def _load_classifier(folder: Path, manifest: Mapping[str, Any]) -> Classifier:
    with np.load(folder / "head.npz", allow_pickle=False) as arrays:
        layers = tuple(
            Dense(arrays[f"kernel_{n}"].astype(np.float32), arrays[f"bias_{n}"].astype(np.float32))
            for n in range(_LAYERS_MOST)
            if f"kernel_{n}" in arrays
        )
    neighbours = None
    if manifest["neighbours"] is not None:
        neighbours = _load_neighbours(folder / "neighbours.npz", manifest["neighbours"])
    labels = tuple(
        Label(
            word=unicodedata.normalize("NFC", str(entry["word"])),
            classes=tuple(int(c) for c in entry["classes"]),
            broader=tuple(str(word) for word in entry["broader"]),
            threshold=float(entry["threshold"]),
        )
        for entry in manifest["labels"]
    )
    activation = manifest["activation"]
    outputs = layers[-1].bias.shape[0]
    has_classes = all(label.classes and all(0 <= c < outputs for c in label.classes) for label in labels)
    if activation not in ("softmax", "sigmoid") or not has_classes:
        raise ValueError("labels and head do not belong together")
    return Classifier(layers=layers, activation=activation, labels=labels, neighbours=neighbours)


def _load_neighbours(path: Path, numbers: Mapping[str, Any]) -> Neighbours:
    votes = None
    with np.load(path, allow_pickle=False) as arrays:
        if numbers.get("votes") is not None:
            votes = Votes(
                shares=arrays["shares"].astype(np.float32),
                reach=float(numbers["votes"]["reach"]),
                weight=float(numbers["votes"]["weight"]),
                known=int(numbers["votes"]["known"]),
                counted=tuple(int(c) for c in numbers["votes"]["counted"]),
            )
        embeddings = arrays["embeddings"].astype(np.float32)
        span = None
        if numbers.get("span"):
            span = Span(arrays["centre"].astype(np.float32), arrays["axes"].astype(np.float32))
    if votes is not None and len(votes.shares) != len(embeddings):
        raise ValueError("neighbours and their votes do not belong together")
    return Neighbours(embeddings, int(numbers["k"]), float(numbers["threshold"]), votes, span)


def _neighbour_arrays(neighbours: Neighbours) -> dict[str, Any]:
    arrays: dict[str, Any] = {"embeddings": neighbours.embeddings.astype(np.float16)}
    if neighbours.votes is not None:
        arrays["shares"] = neighbours.votes.shares
    if neighbours.span is not None:
        arrays |= {"centre": neighbours.span.centre, "axes": neighbours.span.axes}
    return arrays


def _neighbour_numbers(neighbours: Neighbours) -> dict[str, Any]:
    votes = neighbours.votes
    numbers: dict[str, Any] = {"k": neighbours.k, "threshold": neighbours.threshold}
    if neighbours.span is not None:
        numbers["span"] = len(neighbours.span.axes)
    if votes is not None:
        numbers["votes"] = {
            "reach": votes.reach,
            "weight": votes.weight,
            "known": votes.known,
            "counted": list(votes.counted),
        }
    return numbers


def _head_arrays(classifier: Classifier) -> dict[str, Any]:
    arrays = {}
    for n, layer in enumerate(classifier.layers):
        arrays[f"kernel_{n}"], arrays[f"bias_{n}"] = layer.kernel, layer.bias
    return arrays


def _fingerprint(manifest: Mapping[str, Any]) -> str:
    decides = {key: manifest[key] for key in ("network", "activation", "labels", "neighbours", "files")}
    return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def _read_manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as exc:
        raise ModelError(f"no model in {path.parent}: {path.name} is missing") from exc
    except (OSError, ValueError) as exc:
        raise ModelError(f"{path} cannot be read ({exc}): train the model again or restore the folder") from exc
    if not isinstance(manifest, dict):
        raise ModelError(f"{path} is not a model's manifest: train the model again or restore the folder")
    return manifest


def _inside(folder: Path, file: str) -> Path:
    if Path(file).name != file:
        raise ValueError(f"file name {file!r} leaves the folder")
    return folder / file


def _verify(path: Path, digest: str) -> None:
    try:
        found = _sha256(path)
    except OSError as exc:
        raise ModelError(f"{path} cannot be read ({exc.strerror}): train the model again or restore it") from exc
    if found != digest:
        raise ModelError(f"{path} is damaged (its SHA-256 differs): train the model again or restore it")


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
