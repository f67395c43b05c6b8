"""What the index knows of a photo, and the file that is there now, in; whether it is another photo by now, out.

A word of phototag's that is gone from a photo was taken out by its owner, and is never written again. A photo that has
taken another's place under the same name, or was exported over it by a program that did not know its words, holds none
of them either, and nobody rejected anything. What tells the two apart is the picture: who edits keywords leaves its
encoded bytes as they are.
"""

from collections.abc import Collection

from phototag.index import Likeness
from phototag.metadata import Held
from phototag.metadata.words import normal
from phototag.records import Facts


def is_another(before: Likeness, words: Collection[str], held: Held, facts: Facts | None = None) -> bool:
    """Whether a file holds another photo than the one that is known at its path, as far as its words are concerned.

    It does if its picture is another and not one of phototag's words stands in it. With one of them, somebody edited
    the photo with a program that keeps keywords.

    Args:
        before: the photo as it is known.
        words: those that phototag has put into its files.
        held: what the file, and its sidecar, hold now.
        facts: what it says of itself now; None: not known.
    """
    standing = set(map(normal, (*held.photo, *held.sidecar)))
    return standing.isdisjoint(map(normal, words)) and has_another_picture(before, held, facts)


def has_another_picture(before: Likeness, held: Held, facts: Facts | None = None) -> bool:
    """Whether a photo's picture is another than it was.

    Where its mark is not known, for the photo is of a format that is not taken apart, what it says of itself decides.
    """
    if before.picture and held.picture:
        return before.picture != held.picture
    return before.facts is not None and facts is not None and before.facts != facts


def is_same_shot(before: Likeness, facts: Facts) -> bool:
    """Whether two photos were taken at the same moment by the same camera: one is an edit of the other."""
    known = before.facts
    return known is not None and known.taken is not None and (known.taken, known.camera) == (facts.taken, facts.camera)
