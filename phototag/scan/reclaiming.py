"""A finished scan in; where too many stored embeddings are of photos that are gone, a smaller file of them out."""

from phototag.scan.job import Job

_MORE = 0.5
_SPARE = 4096


def reclaim(job: Job) -> None:
    """Drop the embeddings of bytes that no photo has any more, once they are many.

    Many are half as many as there are photos, and some thousand: until then a photo that comes back is not decoded.
    """
    vectors = job.vectors
    if vectors is None or len(vectors) <= (1 + _MORE) * job.index.photo_count() + _SPARE:
        return
    alive = {row for _, digest in job.index.contents() for row in vectors.rows_of([digest]).values()}
    vectors.reclaim(sorted(alive))
