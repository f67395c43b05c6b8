"""Photos learned from in; out come those that "none of these" is measured by, and what they say of photos."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phototag.decide import as_neighbours, distances, votes
from phototag.records import Neighbours, Span, Vectors, Votes
from phototag.train.embed import Example, seen
from phototag.train.examples import Vocabulary
from phototag.train.votes import fit_votes

_A_CATEGORY = 500
_ALTOGETHER = 4000  # fitting their votes takes two seconds
_NEAREST = 5
_AXES = 64
EVERYTHING = 4.0
"""A strangeness that no photo reaches."""


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """Neighbours, and which of the photos learned from they are.

    Attributes:
        neighbours: with a threshold that keeps everything, and votes whose weight is 1.
        own: `(learned,)`, which of the neighbours each photo is, or -1.
        left_out: `(neighbours, classes) float32`, the votes for each, had it not been one.
    """

    neighbours: Neighbours
    own: npt.NDArray[np.intp]
    left_out: Vectors

    @property
    def votes(self) -> Votes:
        """The neighbours' votes."""
        assert self.neighbours.votes is not None
        return self.neighbours.votes

    def look(self, examples: Sequence[Example], own: npt.NDArray[np.intp]) -> tuple[Vectors, Vectors]:
        """How far photos are, `(N,) float32`, and how their neighbours vote, `(N, classes) float32`.

        Args:
            examples: any photos.
            own: `(N,)`, which neighbour each is, and must not be measured by; -1 for none.
        """
        if not examples:
            return np.zeros(0, np.float32), np.zeros((0, self.left_out.shape[1]), np.float32)
        embeddings = np.stack([example.embedding for example in examples])
        cast = votes(embeddings, self.neighbours, self.votes)
        cast[own >= 0] = self.left_out[own[own >= 0]]
        if self.votes.known < 2:  # a single one has no distance to another
            return np.zeros(len(examples), np.float32), cast
        return distances(embeddings, self.neighbours, own), cast


def choose_neighbours(learned: Sequence[Example], words: Vocabulary, seed: int) -> Chosen:
    """The training photos that vote and that strangeness is measured by; so many that scans and training stay fast.

    Photos without any label vote, and so do views of photos, but being near them makes no photo less strange. Where
    the smallest category has five photos or fewer, no more distances are averaged than a photo of it can have.

    Args:
        learned: photos learned from.
        words: what is on them.
        seed: chooses where there are many.
    """
    targets = words.targets(learned).astype(bool)
    labelled = np.asarray(words.truths(learned).any(axis=1))
    order = np.random.default_rng(seed).permutation(len(learned))
    most = int(np.clip(_ALTOGETHER // targets.shape[1], _NEAREST, _A_CATEGORY))
    chosen: set[int] = set()
    for column in (*targets.T, ~targets.any(axis=1)):
        chosen.update(order[column[order]][:most].tolist())
    rows = sorted(chosen, key=lambda n: (not labelled[n], n))
    own = np.full(len(learned), -1, np.intp)
    own[rows] = np.arange(len(rows))
    extra = [n for n in rows if learned[n].views is not None]
    photos = np.concatenate([rows, np.repeat(extra, [len(seen(learned[n])) - 1 for n in extra])]).astype(np.intp)
    every = np.concatenate([np.stack([learned[n].embedding for n in rows]), *(seen(learned[n])[1:] for n in extra)])
    # Bundles keep them as float16; rounded now, everything is measured on what a scan will use.
    vectors = as_neighbours(every).astype(np.float16).astype(np.float32)
    fitted = fit_votes(vectors, targets[photos].astype(np.float32), photos)
    counted = sorted({number for label in words.labels for number in label.classes})
    cast = Votes(fitted.shares, fitted.reach, 1.0, int(labelled[rows].sum()), tuple(counted))
    smallest = int(targets[:, counted].sum(axis=0).min())
    k = int(np.clip(smallest - 1, 1, _NEAREST))
    return Chosen(Neighbours(vectors, k, EVERYTHING, cast), own, fitted.left_out)


def span_of(learned: Sequence[Example]) -> Span:
    """The directions in which photos differ, the 64 strongest of them and no more than leave others.

    Args:
        learned: photos learned from, with a label; at least one.
    """
    unit = as_neighbours(np.stack([example.embedding for example in learned]))
    centre = unit.mean(axis=0)
    axes = np.linalg.svd(unit - centre, full_matrices=False)[2]
    most = max(min(_AXES, len(learned) - 1, unit.shape[1] // 4), 1)
    return Span(centre, np.ascontiguousarray(axes[:most]))
