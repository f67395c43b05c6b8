-- Lenses and places; which photos hold the same bytes, kept cheaply; file names as a search reads them.

CREATE TABLE lenses (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
ALTER TABLE photos ADD COLUMN lens_id INTEGER REFERENCES lenses (id);
ALTER TABLE photos ADD COLUMN latitude REAL; -- degrees north, WGS 84
ALTER TABLE photos ADD COLUMN longitude REAL; -- degrees east

-- 1: the last scan that came by found the folder gone or empty, though photos are known in it.
ALTER TABLE folders ADD COLUMN missing INTEGER NOT NULL DEFAULT 0;

-- Photos by the first eight bytes of their hash. Hashes come in no order, so that every new one would change a page of
-- its own: new ones wait in a small table, and are moved on by the ten thousand (phototag/index/contents.py).
CREATE TABLE contents (
    prefix BLOB NOT NULL,
    photo_id INTEGER NOT NULL,
    PRIMARY KEY (prefix, photo_id)
) WITHOUT ROWID;
CREATE TABLE fresh_contents (
    prefix BLOB NOT NULL,
    photo_id INTEGER NOT NULL,
    PRIMARY KEY (prefix, photo_id)
) WITHOUT ROWID;
-- Hashes that a photo no longer has: those that had the same may be duplicates no more. Empty between transactions.
CREATE TABLE disturbed (
    prefix BLOB PRIMARY KEY
) WITHOUT ROWID;
INSERT INTO contents SELECT substr(content_hash, 1, 8), id FROM photos WHERE content_hash IS NOT NULL ORDER BY 1, 2;
DROP INDEX photos_by_content;

CREATE TRIGGER content_comes AFTER INSERT ON photos WHEN new.content_hash IS NOT NULL BEGIN
    INSERT INTO fresh_contents VALUES (substr(new.content_hash, 1, 8), new.id);
END;
CREATE TRIGGER content_changes AFTER UPDATE OF content_hash ON photos
WHEN old.content_hash IS NOT new.content_hash BEGIN
    DELETE FROM contents WHERE prefix = substr(old.content_hash, 1, 8) AND photo_id = old.id;
    DELETE FROM fresh_contents WHERE prefix = substr(old.content_hash, 1, 8) AND photo_id = old.id;
    INSERT OR IGNORE INTO disturbed SELECT substr(old.content_hash, 1, 8) WHERE old.content_hash IS NOT NULL;
    INSERT INTO fresh_contents SELECT substr(new.content_hash, 1, 8), new.id WHERE new.content_hash IS NOT NULL;
END;
CREATE TRIGGER content_goes AFTER DELETE ON photos WHEN old.content_hash IS NOT NULL BEGIN
    DELETE FROM contents WHERE prefix = substr(old.content_hash, 1, 8) AND photo_id = old.id;
    DELETE FROM fresh_contents WHERE prefix = substr(old.content_hash, 1, 8) AND photo_id = old.id;
    INSERT OR IGNORE INTO disturbed VALUES (substr(old.content_hash, 1, 8));
END;

-- A block's file names in the order of the photos, in lower case, a "/" behind each (phototag/index/names.py).
CREATE TABLE names (
    block INTEGER PRIMARY KEY,
    names BLOB NOT NULL
);

-- Sizes, lenses, places and duplicates have postings of new kinds; the next scan makes them before it begins.
DELETE FROM postings;
INSERT OR IGNORE INTO unposted SELECT DISTINCT id >> 13 FROM photos;
