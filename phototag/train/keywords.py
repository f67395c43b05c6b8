"""A library whose photos carry keywords in; photos with categories out, and what became of the keywords.

A keyword that is not there is unknown, not a no: a photo without it may show it all the same. So photos without any of
the words only stand for "none of these" as long as they do not look as if a word had been left off.
"""

import random
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from phototag.errors import PhotoError, TrainingDataError
from phototag.index import Entry, open_index
from phototag.metadata import MetadataWriter, open_writer
from phototag.metadata.words import copies, key
from phototag.records import Failed, PhotoRef, Place
from phototag.train.dataset import Labelled, Listing, is_word
from phototag.train.embed import Example
from phototag.train.examples import Vocabulary
from phototag.train.neighbours import choose_neighbours
from phototag.train.request import KeywordWish
from phototag.walk import walk

_FOR_EACH = 3
_WITHOUT_LEAST = 500
_TWO = 2


@dataclass(frozen=True, slots=True)
class KeywordsFound:
    """What became of a library's keywords.

    Attributes:
        photos: photos looked at.
        learned: word and how many photos carry it, the most frequent first.
        merged: spelling and the word that it was taken for.
        rare: how many keywords were on too few photos.
        own: how many times a word was passed over because phototag had written it.
        without: photos that carry none of the words and are learned from as examples of none of these.
        unsure: photos that look as if a word had been left off: not learned from.
    """

    photos: int
    learned: tuple[tuple[str, int], ...]
    merged: tuple[tuple[str, str], ...]
    rare: int
    own: int
    without: int
    unsure: int = 0


def read_keywords(root: Path, wish: KeywordWish, *, workers: int, seed: int) -> tuple[Listing, KeywordsFound]:
    """List the photos of a library with the owner's keywords as categories.

    Args:
        root: the library.
        wish: which keywords.
        workers: threads that read.
        seed: chooses which of the photos without any of the words are learned from, where there are many.

    Returns:
        Photos with a word, and three times as many without any, 500 at least where there are so many.

    Raises:
        TrainingDataError: no keyword is on enough photos, or one that was asked for is on none.
    """
    photos: list[tuple[PhotoRef, tuple[str, ...]]] = []
    failed: list[Failed] = []
    own = 0
    for item in _read_all(root, wish.index, workers):
        if isinstance(item, Failed):
            failed.append(item)
        else:
            ref, words, passed_over = item
            photos.append((ref, words))
            own += passed_over
    spellings = merge_spellings(Counter(word for _, words in photos for word in set(words)))
    carried = [(ref, frozenset(spellings[word] for word in words if word in spellings)) for ref, words in photos]
    counts = Counter(word for _, words in carried for word in words)
    chosen = _choose(counts, wish, root)
    with_words = [Labelled(ref, frozenset((word,) for word in words & chosen)) for ref, words in carried]
    labelled = [photo for photo in with_words if photo.categories]
    others = sorted((photo for photo in with_words if not photo.categories), key=lambda photo: photo.ref.path)
    most = max(_FOR_EACH * len(labelled), _WITHOUT_LEAST)
    if len(others) > most:
        others = random.Random(seed).sample(others, most)
    learned = sorted(((word, counts[word]) for word in chosen), key=lambda pair: (-pair[1], pair[0]))
    merged = sorted((spelling, word) for spelling, word in spellings.items() if spelling != word and word in chosen)
    found = KeywordsFound(
        len(photos), tuple(learned), tuple(merged), len(counts.keys() - chosen), own, without=len(others)
    )
    return Listing((*labelled, *others), tuple(failed)), found


def merge_spellings(counts: Mapping[str, int]) -> dict[str, str]:
    """Which word each spelling is taken for: the most frequent of those that differ by case or by an English plural.

    A plural is one only where its singular is there too: "glass" stays, "dogs" becomes "dog" beside it.
    """
    groups: dict[str, list[str]] = defaultdict(list)
    for spelling in counts:
        groups[key(spelling)].append(spelling)
    joined: dict[str, list[str]] = defaultdict(list)
    for plain, same in groups.items():
        joined[next((single for single in _singulars(plain) if single in groups), plain)] += same
    best: dict[str, str] = {}
    for same in joined.values():
        word = min(same, key=lambda spelling: (-counts[spelling], spelling))
        best.update(dict.fromkeys(same, word))
    return best


def leave_out_unsure(examples: Sequence[Example], words: Vocabulary, seed: int) -> tuple[list[Example], int]:
    """Leave out photos without a word that look as if they should have it.

    After Elkan and Noto 2008, Learning classifiers from only positive and unlabeled data: where photos that carry a
    word get votes of c for it on average, had they not voted themselves, a photo without the word that gets v shows it
    with a probability of v / c or more; from a half on it is no example of anything.

    Returns:
        The other examples, and how many were left out.
    """
    chosen = choose_neighbours(examples, words, seed)
    _, cast = chosen.look(examples, chosen.own)
    carried = words.targets(examples) > 0
    usual = np.array([cast[have, n].mean() if have.any() else 1.0 for n, have in enumerate(carried.T)])
    suspect = (~carried & (cast >= np.maximum(usual, 0.2) / 2)).any(axis=1) & ~carried.any(axis=1)
    return [example for example, out in zip(examples, suspect, strict=True) if not out], int(suspect.sum())


def _read_all(
    root: Path, index: Place | None, workers: int
) -> Iterator[tuple[PhotoRef, tuple[str, ...], int] | Failed]:
    """Each photo, the owner's keywords in it, and how many words in it are phototag's."""
    writer = open_writer()
    refs: list[PhotoRef] = []
    for item in walk([str(root.absolute())]):
        if isinstance(item, Failed):
            yield item
        else:
            refs.append(item)
    with ThreadPoolExecutor(workers, thread_name_prefix="keywords") as pool:
        read = pool.map(lambda ref: _read(ref, writer), refs)
        if index is None:
            yield from (one if isinstance(one, Failed) else (*one, 0) for one in read)
            return
        with closing(open_index(index, readonly=True)) as known:
            for one in read:
                if isinstance(one, Failed):
                    yield one
                    continue
                ref, words = one
                written = _written(known.entry(ref.path))
                kept = tuple(word for word in words if key(word) not in written)
                yield ref, kept, len(words) - len(kept)


def _read(ref: PhotoRef, writer: MetadataWriter) -> tuple[PhotoRef, tuple[str, ...]] | Failed:
    try:
        held = writer.read(ref.path)
    except PhotoError as exc:
        return Failed(ref, exc.reason, exc.detail)
    fit = [word for word in (*held.photo, *held.sidecar) if is_word(word)]
    return ref, copies(fit)


def _written(entry: Entry | None) -> frozenset[str]:
    """Words that phototag put into a photo and that are not its owner's too."""
    if entry is None:
        return frozenset()
    said = {key(tag.word) for verdict in entry.verdicts for tag in verdict.tags}
    return frozenset(said - set(map(key, entry.keywords)))


def _choose(counts: Mapping[str, int], wish: KeywordWish, root: Path) -> frozenset[str]:
    """The words to learn."""
    if not wish.words:
        chosen = frozenset(word for word, photos in counts.items() if photos >= wish.min_photos)
        if not chosen:
            most = max(counts.items(), key=lambda pair: pair[1], default=("", 0))
            found = f"the most frequent, {most[0]}, is on {most[1]}" if counts else "there are none"
            raise TrainingDataError(
                f"no keyword in {root} is on {wish.min_photos} photos: {found}; ask for fewer with --min-photos"
            )
        return chosen
    by_key = {plain: word for word in counts for plain in (key(word), *_singulars(key(word)))}
    by_key |= {key(word): word for word in counts}
    missing = [word for word in wish.words if _named(word, by_key) is None]
    few = [word for word in wish.words if (there := _named(word, by_key)) is not None and counts[there] < _TWO]
    if missing or few:
        names = ", ".join([*missing, *few])
        raise TrainingDataError(f"keywords that are not on two photos in {root}: {names}; leave them out of --words")
    return frozenset(there for word in wish.words if (there := _named(word, by_key)) is not None)


def _named(word: str, by_key: Mapping[str, str]) -> str | None:
    return next((by_key[plain] for plain in (key(word), *_singulars(key(word))) if plain in by_key), None)


def _singulars(plain: str) -> Iterable[str]:
    """What an English word may be the plural of."""
    if plain.endswith("ies") and len(plain) > 4:
        yield plain[:-3] + "y"
    if plain.endswith("es") and len(plain) > 3:
        yield plain[:-2]
    if plain.endswith("s") and not plain.endswith("ss") and len(plain) > 3:
        yield plain[:-1]
