"""The index's tables as SQLAlchemy Core sees them; the migrations make them, and a test compares the two."""

from sqlalchemy import REAL, BigInteger, Column, Double, ForeignKey, LargeBinary, MetaData, Table, Text
from sqlalchemy import Integer as _Integer

metadata = MetaData()

# SQLite's numbers are as large as they need be; PostgreSQL's say how large.
Integer = _Integer().with_variant(BigInteger(), "postgresql")
Real: REAL[float] | Double[float] = REAL().with_variant(Double(), "postgresql")

folders = Table(
    "folders",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("path", LargeBinary, nullable=False),
    Column("missing", Integer, nullable=False, server_default="0"),
)

cameras = Table(
    "cameras",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
)

lenses = Table(
    "lenses",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
)

photos = Table(
    "photos",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("folder_id", ForeignKey("folders.id"), nullable=False),
    Column("name", LargeBinary, nullable=False),
    Column("size_bytes", Integer, nullable=False),
    Column("mtime_ns", Integer, nullable=False),
    Column("content_hash", LargeBinary),
    Column("format", Text),
    Column("width", Integer),
    Column("height", Integer),
    Column("taken", Text),
    Column("camera_id", ForeignKey("cameras.id")),
    Column("failure", Text),
    Column("failure_detail", Text),
    Column("lens_id", ForeignKey("lenses.id")),
    Column("latitude", Real),
    Column("longitude", Real),
    Column("picture", LargeBinary),
)

sources = Table(
    "sources",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("name", Text, nullable=False),
)

tags = Table(
    "tags",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("word", Text, nullable=False),
    Column("normal", Text, nullable=False),
)

broader = Table(
    "broader",
    metadata,
    Column("source_id", ForeignKey("sources.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("broader_id", ForeignKey("tags.id"), nullable=False),
)

decisions = Table(
    "decisions",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("fingerprint", Text, nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("photo_id", ForeignKey("photos.id"), primary_key=True),
    Column("source_id", ForeignKey("sources.id"), primary_key=True),
    Column("decision_id", ForeignKey("decisions.id"), nullable=False),
    Column("place", Text, nullable=False),
    Column("decided_at", Integer, nullable=False),
    Column("guesses", Text, nullable=False),
    Column("distance", Real),
    Column("note", Text),
    Column("undone_by", ForeignKey("runs.id")),
)

photo_tags = Table(
    "photo_tags",
    metadata,
    Column("photo_id", ForeignKey("photos.id"), primary_key=True),
    Column("source_id", ForeignKey("sources.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
    Column("score", Integer),
    Column("added", Integer, nullable=False),
)

rejected = Table(
    "rejected",
    metadata,
    Column("photo_id", ForeignKey("photos.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)

intents = Table(
    "intents",
    metadata,
    Column("photo_id", ForeignKey("photos.id"), primary_key=True),
    Column("source_id", ForeignKey("sources.id"), primary_key=True),
    Column("words", Text, nullable=False),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("kind", Text, nullable=False),
    Column("model", Text, nullable=False),
    Column("folders", LargeBinary, nullable=False),
    Column("started_at", Integer, nullable=False),
    Column("finished_at", Integer),
    Column("undoes", ForeignKey("runs.id")),
    Column("undone_by", ForeignKey("runs.id")),
    Column("forgotten_photos", Integer, nullable=False, server_default="0"),
    Column("forgotten_sidecars", Integer, nullable=False, server_default="0"),
    Column("forgotten_others", Integer, nullable=False, server_default="0"),
)

writes = Table(
    "writes",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id"), nullable=False),
    Column("photo_id", ForeignKey("photos.id")),
    Column("source_id", ForeignKey("sources.id")),
    Column("place", Text, nullable=False),
    Column("target", LargeBinary, nullable=False),
    Column("hash_before", LargeBinary),
    Column("hash_after", LargeBinary),
    Column("mtime_before", Integer),
    Column("patch", LargeBinary),
    Column("added", Text, nullable=False),
    Column("removed", Text, nullable=False),
    Column("state", Text, nullable=False),
    Column("undone_by", ForeignKey("runs.id")),
)

scans = Table(
    "scans",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("run_id", ForeignKey("runs.id")),
    Column("model", Text, nullable=False),
    Column("folders", LargeBinary, nullable=False),
    Column("started_at", Integer, nullable=False),
    Column("seconds", Real, nullable=False),
    Column("counts", Text, nullable=False),
    Column("reasons", Text, nullable=False),
    Column("stopped", Text),
)

postings = Table(
    "postings",
    metadata,
    Column("block", Integer, primary_key=True),
    Column("kind", Integer, primary_key=True),
    Column("value", Integer, primary_key=True),
    Column("entries", LargeBinary),
    Column("bits", LargeBinary),
)

imported = Table(
    "imported",
    metadata,
    Column("photo_id", ForeignKey("photos.id"), primary_key=True),
    Column("tag_id", ForeignKey("tags.id"), primary_key=True),
)

names = Table(
    "names",
    metadata,
    Column("block", Integer, primary_key=True),
    Column("names", LargeBinary, nullable=False),
)

contents, fresh_contents = (
    Table(
        name,
        metadata,
        Column("prefix", LargeBinary, primary_key=True),
        Column("photo_id", Integer, primary_key=True),
    )
    for name in ("contents", "fresh_contents")
)

disturbed = Table("disturbed", metadata, Column("prefix", LargeBinary, primary_key=True))

unposted = Table(
    "unposted",
    metadata,
    Column("block", Integer, primary_key=True),
)
