"""Held, wanted and remembered words in; what to add, take out and leave alone out. Pure functions.

Words are compared in NFC and without regard to case, so that "dog" is not put beside the owner's "Dog". A word is
phototag's only in the very spelling that it wrote: one that the owner has spelled anew is the owner's.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from phototag.metadata.words import clean, copies, distinct, key, normal, without
from phototag.records import Memory


@dataclass(frozen=True, slots=True)
class Merge:
    """What a write will do to the words.

    Attributes:
        added: phototag's words that are to be put into the target, in order.
        removed: phototag's words that are to be taken out of it.
        rejected: words never to be added again.
        ours: phototag's words in the file after the write.
        keywords: the owner's words, in order.
    """

    added: tuple[str, ...]
    removed: frozenset[str]
    rejected: frozenset[str]
    ours: frozenset[str]
    keywords: tuple[str, ...]

    @property
    def changes(self) -> bool:
        """Whether anything needs to be written."""
        return bool(self.added or self.removed)


def merge(
    standing: Sequence[str],
    writable: Sequence[str],
    elsewhere: Sequence[str],
    wanted: Sequence[str],
    memory: Memory,
    *,
    gone_is_rejected: bool,
) -> Merge:
    """Decide what happens to each word.

    Args:
        standing: the words by which it is seen whether one of phototag's still stands: those of `dc:subject`.
        writable: all words in the target's fields that can be taken out.
        elsewhere: words in fields and files that this write leaves alone.
        wanted: what the model says now.
        memory: what phototag remembers of this photo.
        gone_is_rejected: whether a remembered word that no longer stands was taken out by the owner. Not where a
            whole sidecar has vanished: files get lost.

    Raises:
        MetadataError: a wanted word cannot be written.
    """
    here, there = _normal(standing), _normal(writable)
    everywhere = here | there | _normal(elsewhere)
    remembered, others = _normal(memory.added), _normal(memory.others)
    keywords = distinct(*(without(words, remembered | others) for words in (standing, writable, elsewhere)))
    owners = frozenset(map(key, keywords))

    gone = frozenset(word for word in (remembered | others) - here if key(word) not in owners)
    rejected = _normal(memory.rejected) | (gone if gone_is_rejected else frozenset())
    refused = frozenset(map(key, rejected)) | owners
    accepted = tuple(word for word in clean(wanted) if key(word) not in refused)
    removed = ((remembered | rejected & others) & there) - frozenset(accepted) - (_normal(memory.kept) - rejected)
    return Merge(
        added=tuple(word for word in accepted if word not in here),
        removed=removed,
        rejected=rejected,
        ours=frozenset(accepted) | (remembered & everywhere) - removed - rejected,
        keywords=keywords,
    )


def new_words(held: Sequence[str], owners: Sequence[str], change: Merge) -> tuple[str, ...]:
    """The words of one field after the write.

    A field that holds nothing yet starts with all of the owner's words: a program that prefers this field to the one
    they stand in would no longer show them.
    """
    kept = without(held or copies(owners), change.removed)
    return (*kept, *(word for word in change.added if word not in _normal(kept)))


def _normal(words: Iterable[str]) -> frozenset[str]:
    return frozenset(map(normal, words))
