"""Stored embeddings in, photos tagged anew out: another head, and no photo decoded.

A photo whose words stay is not even opened. One whose words change goes the way of every scan: planned, proved,
written, noted in the journal, so that it can be undone. One that changed on the disk meanwhile is left to a scan.
"""

import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import chain

from threadpoolctl import threadpool_limits

from phototag.decide import Rules, decide
from phototag.errors import PhotoError
from phototag.index import Index, Look
from phototag.journal import Recorder, listed
from phototag.metadata import MetadataWriter
from phototag.records import Classifier, Decided, Embedded, Failed, PhotoRef, Tagged, Where
from phototag.scan.job import Seen
from phototag.scan.placing import place
from phototag.scan.recognising import Verdict
from phototag.vectors import VectorFile

_AT_ONCE = 256


@dataclass(frozen=True, slots=True)
class RetagJob:
    """What tagging anew works with; see `Job`."""

    model: str
    decision: str
    classifier: Classifier
    rules: Rules
    vectors: VectorFile
    writer: MetadataWriter
    index: Index
    workers: int
    write: bool = True
    dry_run: bool = False


@dataclass(frozen=True, slots=True)
class Retagged:
    """Photos that have been gone through, and what became of them.

    Attributes:
        tagged: those whose words changed, or that this model had not tagged before.
        failed: those whose files could not be read or written.
        same: how many keep their words.
        settled: how many this model, as it is, had tagged already.
        without_vector: how many have no stored embedding.
        left: how many changed on the disk since the last scan, or are gone.
    """

    tagged: tuple[Tagged, ...] = ()
    failed: tuple[Failed, ...] = ()
    same: int = 0
    settled: int = 0
    without_vector: int = 0
    left: int = 0


def retag(roots: Sequence[str], job: RetagJob) -> Iterator[Retagged]:
    """Tag every photo at or below `roots`, or every photo that is known, from its stored embedding.

    Photos come some hundred at a time; they are remembered before they are yielded.

    Raises:
        PhotoTagError: the run cannot go on: the index fails, or the disk is full.
    """
    recorder = Recorder(job.index, job.writer, "retag", job.model, roots)
    places: Sequence[str | None] = [os.path.abspath(root) for root in roots] or [None]
    contents = chain.from_iterable(map(job.index.contents, places))
    under_way: Future[Retagged] | None = None
    with (
        threadpool_limits(1, user_api="blas"),  # its threads wait for work by spinning
        ThreadPoolExecutor(1, thread_name_prefix="finish") as finishing,
        ThreadPoolExecutor(job.workers, thread_name_prefix="write") as writing,
    ):
        for page in _pages(contents):
            ahead = finishing.submit(_retag_some, page, job, recorder, writing)
            if under_way is not None:
                yield under_way.result()
            under_way = ahead
        if under_way is not None:
            yield under_way.result()
    if not job.dry_run:
        recorder.finish()


def _retag_some(numbers: Sequence[int], job: RetagJob, recorder: Recorder, writing: ThreadPoolExecutor) -> Retagged:
    looks = job.index.looks_at(numbers, job.model)
    open_ = [look for look in looks if not _is_settled(look, job)]
    found = [(look, job.vectors.get(look.content_hash)) for look in open_]
    embedded = [
        (look, Embedded(look.known.ref, look.content_hash, look.facts, vector))
        for look, vector in found
        if vector is not None
    ]
    decided = decide([photo for _, photo in embedded], job.classifier, job.rules)
    pairs = [(look, said) for (look, _), said in zip(embedded, decided, strict=True)]
    same = [_keep(look, said, look.known.where or "index") for look, said in pairs if _is_same(look, said, job)]
    others = [(look, said) for look, said in pairs if not _is_same(look, said, job)]
    here = [(look, said) for look, said in others if not job.write or _is_here(said.ref)]
    placed: list[Tagged | Failed]
    if job.write:
        placed = place([Verdict(said, look.known) for look, said in here], job, Seen(), recorder, writing)
    else:
        placed = [_keep(look, said, "index") for look, said in here]
    tagged = tuple(result for result in placed if isinstance(result, Tagged))
    if not job.dry_run:
        job.vectors.alias((result.decided.content_hash, result.content_hash) for result in tagged)
        job.index.remember([*same, *tagged], job.model, job.decision)
    return Retagged(
        tagged=tagged,
        failed=tuple(result for result in placed if isinstance(result, Failed)),
        same=len(same),
        settled=len(looks) - len(open_),
        without_vector=len(open_) - len(embedded),
        left=len(others) - len(here),
    )


def _is_settled(look: Look, job: RetagJob) -> bool:
    """Whether the model, as it is, has said what it says of a photo, and where it is wanted."""
    known = look.known
    if known.pending or known.decision != job.decision:
        return False
    return known.undone or not (job.write and known.where == "index")


def _is_same(look: Look, decided: Decided, job: RetagJob) -> bool:
    """Whether a photo's words stay, so that its file need not be opened."""
    known = look.known
    if known.pending or known.undone or (job.write and known.where == "index"):
        return False
    return known.where is not None and look.said == {word for tag in decided.tags for word in (tag.word, *tag.broader)}


def _keep(look: Look, decided: Decided, where: Where) -> Tagged:
    """Tags that only the index must learn of, the file as it is."""
    known = look.known
    return Tagged(
        decided,
        known.ref,
        look.content_hash,
        where=where,
        added=known.memory.added,
        rejected=known.memory.rejected,
        keywords=look.keywords,
        note=look.note,
        picture=look.picture,
    )


def _is_here(ref: PhotoRef) -> bool:
    """Whether a photo's file is still the one that its embedding is of."""
    try:
        return listed(ref.path) == ref
    except PhotoError:
        return False


def _pages(contents: Iterable[tuple[int, bytes]]) -> Iterator[list[int]]:
    page: list[int] = []
    for number, _ in contents:
        page.append(number)
        if len(page) == _AT_ONCE:
            yield page
            page = []
    if page:
        yield page
