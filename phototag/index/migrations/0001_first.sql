-- The first schema. Paths are BLOBs, so that any bytes a file system allows survive. Scores are whole ten-thousandths.

CREATE TABLE folders (
    id INTEGER PRIMARY KEY,
    path BLOB NOT NULL UNIQUE
);

CREATE TABLE cameras (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);

-- AUTOINCREMENT: the number of a forgotten photo is never given to another one.
CREATE TABLE photos (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    folder_id INTEGER NOT NULL REFERENCES folders (id),
    name BLOB NOT NULL,
    size_bytes INTEGER NOT NULL,
    mtime_ns INTEGER NOT NULL,
    content_hash BLOB,
    format TEXT,
    width INTEGER,
    height INTEGER,
    taken TEXT,
    camera_id INTEGER REFERENCES cameras (id),
    failure TEXT,
    failure_detail TEXT,
    UNIQUE (folder_id, name)
);
CREATE INDEX photos_by_content ON photos (content_hash) WHERE content_hash IS NOT NULL;

-- Who gives words: number 0 is the owner, the others are models.
CREATE TABLE sources (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
);
INSERT INTO sources (id, name) VALUES (0, '');

-- Every word anyone gave. `normal` is the form in which words are compared (phototag/index/words.py).
CREATE TABLE tags (
    id INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE,
    normal TEXT NOT NULL
);
CREATE VIRTUAL TABLE tags_fts USING fts5 (
    normal, content = 'tags', content_rowid = 'id',
    tokenize = "unicode61 remove_diacritics 0 categories 'L* M* N* S* C*'"
);
CREATE TRIGGER tags_into_fts AFTER INSERT ON tags BEGIN
    INSERT INTO tags_fts (rowid, normal) VALUES (new.id, new.normal);
END;

-- What a model says a word stands under: position 0 is the most general.
CREATE TABLE broader (
    source_id INTEGER NOT NULL REFERENCES sources (id),
    tag_id INTEGER NOT NULL REFERENCES tags (id),
    position INTEGER NOT NULL,
    broader_id INTEGER NOT NULL REFERENCES tags (id),
    PRIMARY KEY (source_id, tag_id, position)
) WITHOUT ROWID;

CREATE TABLE decisions (
    id INTEGER PRIMARY KEY,
    fingerprint TEXT NOT NULL UNIQUE
);

CREATE TABLE verdicts (
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    source_id INTEGER NOT NULL REFERENCES sources (id),
    decision_id INTEGER NOT NULL REFERENCES decisions (id),
    place TEXT NOT NULL CHECK (place IN ('photo', 'sidecar', 'index')),
    decided_at INTEGER NOT NULL, -- seconds since the epoch
    guesses TEXT NOT NULL, -- JSON: [[tag_id, ten-thousandths], ...]
    distance REAL,
    note TEXT,
    PRIMARY KEY (photo_id, source_id)
) WITHOUT ROWID;

-- score NULL: no longer said, but `added`: phototag put the word into the file and it still stands there.
CREATE TABLE photo_tags (
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    source_id INTEGER NOT NULL REFERENCES sources (id),
    tag_id INTEGER NOT NULL REFERENCES tags (id),
    score INTEGER CHECK (score BETWEEN 0 AND 10000),
    added INTEGER NOT NULL CHECK (added IN (0, 1)),
    PRIMARY KEY (photo_id, source_id, tag_id)
) WITHOUT ROWID;
CREATE INDEX photo_tags_best_first ON photo_tags (tag_id, score DESC, photo_id) WHERE score IS NOT NULL;

-- Words the owner took out again.
CREATE TABLE rejected (
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id),
    PRIMARY KEY (photo_id, tag_id)
) WITHOUT ROWID;

-- Writes that were begun and not recorded as finished. words: JSON, what was about to be added.
CREATE TABLE intents (
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    source_id INTEGER NOT NULL REFERENCES sources (id),
    words TEXT NOT NULL,
    PRIMARY KEY (photo_id, source_id)
) WITHOUT ROWID;
