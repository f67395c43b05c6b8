"""What each epoch of training came to; out come the entries of a bundle's history, from which curves are drawn."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np


@dataclass(frozen=True, slots=True)
class Epoch:
    """One pass over the photos.

    Attributes:
        stage: "head" where the embeddings stay as they are, "network" where the network itself is trained.
        number: from 1 up, in its stage.
        loss: mean cross-entropy of the photos learned from, as they were shown: with dropout and changed views.
        accuracy: of the same; the part of right categories, or of right answers where a photo may have several.
        check_loss: of the photos to check with; None where there are none.
        check_accuracy: of the same.
    """

    stage: Literal["head", "network"]
    number: int
    loss: float
    accuracy: float
    check_loss: float | None = None
    check_accuracy: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """As it stands in a bundle's manifest, figures to six digits."""
        return {
            key: float(f"{value:.6g}") if isinstance(value, float) else value for key, value in asdict(self).items()
        }


def mean_history(runs: Sequence[Sequence[Epoch]]) -> tuple[Epoch, ...]:
    """The mean of several runs that were all checked, as far as the shortest of them went."""
    return tuple(
        Epoch(
            together[0].stage,
            together[0].number,
            *(
                float(np.mean([getattr(epoch, figure) for epoch in together]))
                for figure in ("loss", "accuracy", "check_loss", "check_accuracy")
            ),
        )
        for together in zip(*runs, strict=False)
    )
