"""Words with their broader ones in, the paths of a hierarchical keyword field out. Pure functions.

Lightroom (`lr:hierarchicalSubject`) joins a path by `|`, digiKam (`digiKam:TagsList`) by `/`; the general word is
first.
A path is phototag's if every word of it is: "Pets|dog" is the owner's, though "dog" be phototag's.
"""

from collections.abc import Iterable, Mapping, Sequence

from phototag.metadata.merge import Merge
from phototag.metadata.words import copies, distinct, key, normal, without

_INTERNAL = "darktable"
"""darktable keeps notes of its own among the keywords, as "darktable|exported"."""


def leaves(paths: Iterable[str], separator: str) -> tuple[str, ...]:
    """The last word of each path; what darktable notes for itself is no word."""
    split = [path.split(separator) for path in paths]
    return tuple(words[-1].strip() for words in split if words[-1].strip() and words[0] != _INTERNAL)


def own(paths: Iterable[str], separator: str, ours: frozenset[str]) -> tuple[str, ...]:
    """The paths that are phototag's.

    Args:
        paths: of a field.
        separator: what joins them.
        ours: all words that phototag has written into this photo at any time, in normal form.
    """
    return tuple(path for path in paths if ours.issuperset(_split(path, separator)))


def new_paths(
    held: Sequence[str],
    separator: str,
    owners: Sequence[str],
    change: Merge,
    broader: Mapping[str, tuple[str, ...]],
    ours: frozenset[str],
) -> tuple[str, ...]:
    """The paths of a field after the write.

    A field that holds none is begun only for a word with broader ones, and then with all of the photo's words: digiKam
    and darktable show no other field where there is this one.

    Args:
        held: the field's paths now.
        separator: what joins them.
        owners: the paths, by this separator, that such a field begins with: those of the other field, then plain words.
        change: what the write does to the words.
        broader: the broader words of each, the most general first.
        ours: all words that phototag has written into this photo at any time, in normal form.
    """
    unwanted = change.removed | change.rejected
    dropped = [path for path in own(held, separator, ours) if not unwanted.isdisjoint(_split(path, separator))]
    kept = tuple(path for path in held if path not in dropped)
    moved = [leaf for leaf in leaves(dropped, separator) if leaf in change.ours - unwanted]
    added = [_path(word, separator, broader, unwanted) for word in (*moved, *change.added)]
    if not held:
        if not any(separator in path for path in added):
            return ()
        standing = [_path(word, separator, broader, unwanted) for word in sorted(change.ours.difference(change.added))]
        kept = copies([*_without_leaves(owners, separator, change.ours), *standing])
    return distinct(kept, [path for path in added if path])


def converted(paths: Iterable[str], separator: str, to: str) -> tuple[str, ...]:
    """The paths of one field as they stand in another, without those that have the other's separator in a word."""
    return tuple(path.replace(separator, to) for path in paths if to not in path)


def _path(word: str, separator: str, broader: Mapping[str, tuple[str, ...]], unwanted: frozenset[str]) -> str:
    """A word's path; empty where a word of it has the separator in it."""
    words = (*without(broader.get(word, ()), unwanted), word)
    return "" if any(separator in one for one in words) else separator.join(words)


def _split(path: str, separator: str) -> frozenset[str]:
    return frozenset(normal(word.strip()) for word in path.split(separator))


def _without_leaves(owners: Sequence[str], separator: str, ours: frozenset[str]) -> list[str]:
    """The owner's paths; a plain word only where no path ends in it, and none that is phototag's."""
    ends = {key(path.rsplit(separator, 1)[-1]) for path in owners if separator in path}
    return [path for path in owners if separator in path or (key(path) not in ends and normal(path) not in ours)]
