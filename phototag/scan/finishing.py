"""A batch of decoded photos in, tagged photos out: embedded, decided, written and remembered."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from phototag.decide import decide
from phototag.journal import Recorder
from phototag.records import Decoded, Embedded, Failed, Tagged
from phototag.scan.job import Job, Ready, Seen
from phototag.scan.placing import place
from phototag.scan.recognising import Verdict


def finish_batch(
    batch: Sequence[Ready], *, job: Job, seen: Seen, recorder: Recorder, writing: ThreadPoolExecutor
) -> list[Tagged | Failed]:
    """Embed, decide, write and remember one batch."""
    refused = [ready.decoded for ready in batch if isinstance(ready.decoded, Failed)]
    photos = [(ready.work, ready.decoded) for ready in batch if not isinstance(ready.decoded, Failed)]
    decided = decide(_embed([photo for _, photo in photos], job), job.classifier, job.rules)
    verdicts = [
        Verdict(said, work.known, photo.file if isinstance(photo, Decoded) else None)
        for said, (work, photo) in zip(decided, photos, strict=True)
    ]
    placed = place(verdicts, job, seen, recorder, writing)
    if not job.dry_run:
        # What could not be written is not remembered: that, too, is for the next run to try again.
        tagged = [result for result in placed if isinstance(result, Tagged)]
        if job.vectors is not None:  # before the index knows the photos: it must not believe in what was not kept
            job.vectors.alias((result.decided.content_hash, result.content_hash) for result in tagged)
        job.index.remember([*tagged, *refused], job.model, job.decision)
    return [*placed, *refused]


def _embed(photos: Sequence[Decoded | Embedded], job: Job) -> list[Embedded]:
    """Embed and store what is not yet, and give all back in order."""
    fresh = [photo for photo in photos if isinstance(photo, Decoded)]
    vectors = iter(job.backbone.embed(np.stack([photo.pixels for photo in fresh])) if fresh else ())
    embedded = [
        Embedded(photo.ref, photo.content_hash, photo.facts, next(vectors)) if isinstance(photo, Decoded) else photo
        for photo in photos
    ]
    if job.vectors is not None and not job.dry_run:
        job.vectors.put([(photo.content_hash, photo.embedding) for photo in embedded])
    return embedded
