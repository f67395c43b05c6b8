"""Training photos and what is on them in, their votes out: kernel ridge regression, solved in one step.

A class's votes are fitted to 1 on its own photos and 0 on all others, and fall to 0 far from every training photo: they
are a second opinion beside the head's, and say "none of these" where nothing like the photo was learned.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from phototag.records import Vectors

_REACH = 0.5
"""Of the median distance between training photos. Reach and ridge: see docs/training.md for what else was tried."""
_RIDGE = 0.05
_LEAST_REACH = 1e-3


@dataclass(frozen=True, slots=True, eq=False)
class Fitted:
    """Votes, and what they would have been without each photo.

    Attributes:
        shares: `(N, classes) float32`, see `records.Votes`.
        reach: the cosine distance at which a voice has fallen to 1/e.
        left_out: `(N, classes) float32`, the votes for each photo, had it and its views not been among the neighbours.
    """

    shares: Vectors
    reach: float
    left_out: Vectors


def fit_votes(unit: Vectors, targets: Vectors, photos: npt.NDArray[np.intp]) -> Fitted:
    """Fit the votes of neighbours.

    Leaving a photo out, with its views, needs no second fit: the votes for it are its targets less its shares by the
    inverse of its block of the inverse (Rifkin and Lippert 2007, Notes on regularized least squares).

    Args:
        unit: `(N, D) float32`, L2-normalised, at least one; time grows with N³, a second at 3,000.
        targets: `(N, classes) float32`, 0 or 1.
        photos: `(N,)`, the number of the photo that each is a view of; a photo is left out with all its views.
    """
    apart = 1 - unit.astype(np.float64) @ unit.T.astype(np.float64)
    pairs = apart[np.triu_indices(len(unit), 1)]
    reach = max(_REACH * float(np.median(pairs)), _LEAST_REACH) if len(pairs) else 1.0
    inverse = np.linalg.inv(np.exp(-apart / reach) + _RIDGE * np.eye(len(unit)))
    shares = inverse @ targets
    left_out = targets - shares / np.diag(inverse)[:, None]
    for photo in np.flatnonzero(np.bincount(photos) > 1):
        own = np.flatnonzero(photos == photo)
        left_out[own] = targets[own] - np.linalg.solve(inverse[np.ix_(own, own)], shares[own])
    return Fitted(shares.astype(np.float32), reach, left_out.astype(np.float32))
