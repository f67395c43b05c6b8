"""What a check of labelled photos can find; records only."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

from phototag.records import Failed, PhotoRef


@dataclass(frozen=True, slots=True)
class Suspect:
    """A photo whose category is probably wrong.

    Attributes:
        given: what its owner says: "daisy"; where a photo may have several categories also "not daisy".
        looks: what the other photos say it looks like, likewise.
        confidence: how sure of that, 0 to 1, calibrated on all photos.
        doubt: by how much the other photos speak against `given`, above 0; suspects are ordered by it.
        sure: whether `doubt` is so large that most such photos are indeed wrong.
    """

    ref: PhotoRef
    given: str
    looks: str
    confidence: float
    doubt: float
    sure: bool


@dataclass(frozen=True, slots=True)
class Copies:
    """Photos that show the same.

    Attributes:
        how: "file" where the files are the same, byte for byte; "picture" where they are not, but show the same.
        photos: each with its categories as one text, in order of their paths; two at least.
        torn: whether their categories differ.
    """

    how: Literal["file", "picture"]
    photos: tuple[tuple[PhotoRef, str], ...]
    torn: bool


@dataclass(frozen=True, slots=True)
class Small:
    """A category with too few photos to learn from."""

    name: str
    photos: int


@dataclass(frozen=True, slots=True)
class Alike:
    """Two categories whose photos look the same.

    Attributes:
        photos: of both together.
        confused: how many of these look more like the other of the two.
    """

    first: str
    second: str
    photos: int
    confused: int


@dataclass(frozen=True, slots=True)
class Findings:
    """What is wrong with labelled photos.

    Attributes:
        photos: how many there are.
        categories: how many.
        failed: those that cannot be read.
        copies: those in different categories first.
        suspects: the most doubtful first.
        small: the smallest first.
        alike: the most alike first.
    """

    photos: int
    categories: int
    failed: tuple[Failed, ...]
    copies: tuple[Copies, ...]
    suspects: tuple[Suspect, ...]
    small: tuple[Small, ...]
    alike: tuple[Alike, ...]

    def as_dict(self) -> dict[str, Any]:
        """For JSON: photos by their paths."""
        return {
            "photos": self.photos,
            "categories": self.categories,
            "failed": [{"path": one.ref.path, "reason": one.reason, "detail": one.detail} for one in self.failed],
            "copies": [
                {
                    "how": group.how,
                    "torn": group.torn,
                    "photos": [{"path": ref.path, "categories": said} for ref, said in group.photos],
                }
                for group in self.copies
            ],
            "suspects": [
                {
                    "path": one.ref.path,
                    "given": one.given,
                    "looks": one.looks,
                    "confidence": round(one.confidence, 4),
                    "doubt": round(one.doubt, 4),
                    "sure": one.sure,
                }
                for one in self.suspects
            ],
            "small": [asdict(one) for one in self.small],
            "alike": [asdict(one) for one in self.alike],
        }
