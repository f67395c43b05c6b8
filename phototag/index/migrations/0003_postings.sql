-- What a search reads: for each block of 8,192 photos (photo_id >> 13), which of them a value stands for.
-- Laid out by block first, so that a scan, whose photos are neighbours, changes few pages.
-- `kind` and `value`: see phototag/index/postings.py. `entries`: little-endian numbers, for words uint32
-- (score << 13 | 8191 - place in the block, ascending), otherwise uint16 places. `bits`: a bit for each place, lowest
-- first; NULL where there are few, and then `entries` says it; `entries` is NULL where only `bits` is kept.
CREATE TABLE postings (
    block INTEGER NOT NULL,
    kind INTEGER NOT NULL,
    value INTEGER NOT NULL,
    entries BLOB,
    bits BLOB,
    PRIMARY KEY (block, kind, value)
) WITHOUT ROWID;

-- Blocks of an older index that have no postings yet; the next scan makes them before it begins.
CREATE TABLE unposted (
    block INTEGER PRIMARY KEY
);
INSERT INTO unposted SELECT DISTINCT id >> 13 FROM photos;

DROP INDEX photo_tags_best_first;
