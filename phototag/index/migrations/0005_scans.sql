-- What scans came upon, those too that wrote nothing: for `phototag runs` and `phototag stats`.

CREATE TABLE scans (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    run_id INTEGER REFERENCES runs (id), -- NULL: it wrote nothing
    model TEXT NOT NULL,
    folders BLOB NOT NULL, -- paths with a zero byte between
    started_at INTEGER NOT NULL, -- seconds since the epoch
    seconds REAL NOT NULL,
    counts TEXT NOT NULL, -- JSON: {"seen": number, ...}, as the summary of the scan has them
    reasons TEXT NOT NULL, -- JSON: {reason: number of photos that failed so}
    stopped TEXT -- the bound that ended it early
);
CREATE INDEX scans_by_run ON scans (run_id) WHERE run_id IS NOT NULL;
