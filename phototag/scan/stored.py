"""A photo to look at in; out come its stored embedding, where there is one of these very bytes, or its pixels."""

from phototag.index import Look
from phototag.records import Decoded, Embedded
from phototag.scan.job import Job, Work


def look(work: Work, job: Job) -> Decoded | Embedded:
    """Look at a photo, and decode it only if its embedding is not stored.

    Raises:
        PhotoError: it cannot be read or decoded.
    """
    found = _recall(work, job)
    network = job.backbone.network
    return found or job.decode(work.ref, network.image_size, network.fit)


def _recall(work: Work, job: Job) -> Embedded | None:
    if job.vectors is None:
        return None
    known = work.known
    if known is not None and known.ref == work.ref and not (job.rescan or known.pending or known.failure):
        looks = job.index.looks_at([known.number], job.model)
        digest = looks[0].content_hash if looks else b""
    elif work.familiar or (known is not None and known.ref.size_bytes == work.ref.size_bytes):
        from phototag.decode import content_hash  # where nothing is new, no decoder is loaded

        digest = content_hash(work.ref)
        looks = _looks_at_twins(digest, job)
    else:
        return None
    vector = job.vectors.get(digest) if looks else None
    return None if vector is None else Embedded(work.ref, digest, looks[0].facts, vector)


def _looks_at_twins(digest: bytes, job: Job) -> list[Look]:
    """What is known of photos that have these bytes, or had them before their tags were written."""
    assert job.vectors is not None
    row = job.vectors.rows_of([digest]).get(digest)
    if row is None:
        return []
    for twin in job.vectors.hashes_of([row])[row]:
        numbers = [known.number for known in job.index.known_by_content(twin, job.model)]
        if numbers:
            return job.index.looks_at(numbers[:1], job.model)
    return []
