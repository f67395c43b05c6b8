"""Photos that are to be known without a scan's verdict in, rows out, inside the caller's transaction.

Keywords that came from another program's catalogue stand in the index alone: `imported` keeps them, so that a scan,
which goes by what the file holds, does not lose them.
"""

import unicodedata
from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from phototag.index import postings
from phototag.index.adopted import Adopted
from phototag.index.numbers import OWNER, SCORE_SCALE
from phototag.index.rows import CHUNK, chunks, fetch, intern_values, make_known, run_many, storable
from phototag.index.tables import sources, tags


def adopt(connection: Connection, photos: Sequence[Adopted]) -> None:
    """Make photos known, and add words to them; nothing that is known is taken away."""
    numbers = make_known(connection, [photo.ref for photo in photos])
    numbered = [(numbers[photo.ref.path], photo) for photo in photos]
    models = intern_values(connection, sources.c.name, {model for photo in photos for model in photo.placed})
    words = intern_values(connection, tags.c.word, {_text(word) for photo in photos for word in _words(photo)})
    given = "INSERT INTO photo_tags VALUES (?, ?, ?, ?, ?) ON CONFLICT DO NOTHING"
    own = [(n, OWNER, words[_text(word)], SCORE_SCALE, 0) for n, p in numbered for word in (*p.keywords, *p.imported)]
    run_many(connection, given, own)
    placed = [
        (number, models[model], words[_text(word)], round(score * SCORE_SCALE), 1)
        for number, photo in numbered
        for model, scores in photo.placed.items()
        for word, score in scores.items()
    ]
    run_many(connection, given, placed)
    imported = [(number, words[_text(word)]) for number, photo in numbered for word in photo.imported]
    run_many(connection, "INSERT INTO imported VALUES (?, ?) ON CONFLICT DO NOTHING", imported)
    refused = [(number, words[_text(word)]) for number, photo in numbered for word in photo.rejected]
    run_many(connection, "INSERT INTO rejected VALUES (?, ?) ON CONFLICT DO NOTHING", refused)
    postings.renew(connection, numbers.values())


def keep_imported(connection: Connection, numbers: Iterable[int]) -> None:
    """Put imported keywords back that were taken away with the owner's others; before the postings are renewed."""
    if not fetch(connection, "SELECT 1 FROM imported LIMIT 1"):
        return
    for chunk in chunks(numbers, CHUNK):
        run_many(
            connection,
            f"INSERT INTO photo_tags SELECT photo_id, {OWNER}, tag_id, {SCORE_SCALE}, 0 FROM imported "
            "WHERE photo_id = ? ON CONFLICT DO NOTHING",
            [(number,) for number in chunk],
        )


def _words(photo: Adopted) -> Iterable[str]:
    yield from (*photo.keywords, *photo.imported, *photo.rejected)
    for scores in photo.placed.values():
        yield from scores


def _text(word: str) -> str:
    return storable(unicodedata.normalize("NFC", word))
