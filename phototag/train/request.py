"""What a training run is asked for."""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from phototag.backbone import FROM_SCRATCH, Device
from phototag.bundle import DEFAULT_NETWORK
from phototag.records import Place
from phototag.train.augment import Augmentation


@dataclass(frozen=True, slots=True)
class HeadSettings:
    """How a head is trained. The defaults did as well as or better than their neighbours, see docs/training.md.

    Attributes:
        epochs: at most; training stops when the photos to check with have not improved for ten.
        dropout: the part of the inputs of each layer that is left out at each step, 0 to below 1.
        hidden: width of an inner ReLU layer; 0 for none.
        learning_rate: of each class.
        stop_at_accuracy: stop when so large a part of the photos learned from is right.
        seed: of everything random.
    """

    epochs: int = 100
    dropout: float = 0.5
    hidden: int = 0
    learning_rate: float = 1e-3
    stop_at_accuracy: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Sweep:
    """What is tried to find a better head; see docs/training.md.

    Attributes:
        learning_rates: likewise for the others: none where it is not to be varied.
        hidden: widths of the inner layer.
        dropouts: parts left out.
    """

    learning_rates: tuple[float, ...] = (3e-3, 1e-2)
    hidden: tuple[int, ...] = (128, 512)
    dropouts: tuple[float, ...] = (0.2, 0.35, 0.65)


@dataclass(frozen=True, slots=True)
class KeywordWish:
    """Which keywords of a library to learn from.

    Attributes:
        min_photos: a keyword on fewer photos is not learned; one that is named in `words` needs two.
        words: these alone; none: all.
        index: the index that knows which words phototag wrote itself; None: there is none.
    """

    min_photos: int = 20
    words: tuple[str, ...] = ()
    index: Place | None = None


@dataclass(frozen=True, slots=True)
class TuneSettings:
    """How the network itself is trained, after the head. For the choice of the defaults see docs/training.md.

    Attributes:
        mode: "auto" where the head alone is wrong often enough, "on", or "off".
        epochs: passes over the photos; 0: `usual_epochs`, more where photos are few.
        usual_epochs: of a network that was trained before; one that begins with nothing takes more.
        patience: epochs without improvement on the photos to check with after which it stops.
        time_budget_s: for all of it. Where it would be exceeded there are fewer epochs, never a broken one.
        learning_rate: of AdamW, at its highest.
        dropout: part of the embedding left out at each step.
        weight_decay: of AdamW.
        hidden: width of an inner ReLU layer; 0 for none.
        augmentation: how the views it learns from may differ from the photos.
        stop_at_accuracy: stop when so large a part of the photos learned from is right.
        seed: of everything random.
    """

    mode: Literal["auto", "on", "off"] = "off"
    epochs: int = 0
    usual_epochs: int = 7
    patience: int = 4
    time_budget_s: float = 600.0
    learning_rate: float = 1e-3
    dropout: float = 0.3
    weight_decay: float = 0.05
    hidden: int = 0
    augmentation: Augmentation = field(default_factory=Augmentation)
    stop_at_accuracy: float | None = None
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Request:
    """What to learn from, how, and where to put the result.

    Attributes:
        root: a folder for each category, or where the photos of `labels` lie.
        name: what `--model` will take.
        output: the bundle's folder.
        cache: folder for the embeddings' cache.
        labels: CSV file with the header `path,labels`; None: folders are the labels.
        validation: photos to check with, laid out as `root` is (with a CSV file of the same name); None: parts of
            the photos to learn from are held out in turn.
        network: name of a network, see `backbone.made`; None: the one that does best with so many photos.
        image_size: side of the square that the network takes, pixels; None: the one it was trained on.
        weights: the network's: "own" that come with phototag or that Keras downloads, a file of them, or "none", random
            ones.
        device: where it runs.
        workers: threads that decode.
        head: how the head is trained.
        sweep: settings of the head to try; None: none.
        keywords: learn from the keywords that the photos below `root` carry; None: from folders or `labels`.
        precision: the part of the words said that is to be right, above 0 and below 1; None: no wish.
        tune: how the network is trained afterwards.
    """

    root: Path
    name: str
    output: Path
    cache: Path
    labels: Path | None = None
    validation: Path | None = None
    network: str | None = DEFAULT_NETWORK
    image_size: int | None = None
    weights: Path | Literal["own", "none"] = "own"
    device: Device = "auto"
    workers: int = 2
    head: HeadSettings = field(default_factory=HeadSettings)
    sweep: Sweep | None = None
    keywords: KeywordWish | None = None
    precision: float | None = None
    tune: TuneSettings = field(default_factory=TuneSettings)

    @property
    def from_scratch(self) -> bool:
        """Whether the network knows nothing yet, so that all of it must be trained."""
        return self.network == FROM_SCRATCH or self.weights == "none"
