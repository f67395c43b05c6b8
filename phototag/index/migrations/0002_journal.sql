-- What was done to which file, so that it can be taken back. Times of runs are seconds since the epoch.

CREATE TABLE runs (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    kind TEXT NOT NULL CHECK (kind IN ('scan', 'untag', 'undo')),
    model TEXT NOT NULL, -- '' where no model had a part in it
    folders BLOB NOT NULL, -- paths with a zero byte between
    started_at INTEGER NOT NULL,
    finished_at INTEGER, -- NULL: at work, or cut short
    undoes INTEGER REFERENCES runs (id), -- the run that an undo took back
    undone_by INTEGER REFERENCES runs (id) -- the undo that went through all of it
);

-- One file that was, or was about to be, written: the hash of the file tells which.
CREATE TABLE writes (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id INTEGER NOT NULL REFERENCES runs (id),
    photo_id INTEGER REFERENCES photos (id) ON DELETE SET NULL,
    source_id INTEGER REFERENCES sources (id), -- NULL: the words of all models
    place TEXT NOT NULL CHECK (place IN ('photo', 'sidecar', 'index')),
    target BLOB NOT NULL, -- the file's path
    hash_before BLOB, -- SHA-256; NULL: there was no such file
    hash_after BLOB, -- SHA-256; NULL: no file was written, only the index
    mtime_before INTEGER, -- nanoseconds since the epoch
    patch BLOB, -- turns the new bytes into the old ones: phototag/metadata/patch.py
    added TEXT NOT NULL, -- JSON: [tag_id, ...], words put into the file
    removed TEXT NOT NULL, -- JSON: [tag_id, ...], words taken out of it
    state TEXT NOT NULL, -- JSON: the index's rows of the photo as they were before
    undone_by INTEGER REFERENCES runs (id)
);
CREATE INDEX writes_by_run ON writes (run_id);
CREATE INDEX writes_by_photo ON writes (photo_id) WHERE photo_id IS NOT NULL;
CREATE INDEX writes_by_target ON writes (target);

-- A verdict whose words were taken back stands until the photo or the model changes, so that no scan writes them again.
ALTER TABLE verdicts ADD COLUMN undone_by INTEGER REFERENCES runs (id);
