-- How many files a run wrote of which it was forgotten how to take that back: phototag db vacuum --keep-undo.
ALTER TABLE runs ADD COLUMN forgotten_photos INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN forgotten_sidecars INTEGER NOT NULL DEFAULT 0;
ALTER TABLE runs ADD COLUMN forgotten_others INTEGER NOT NULL DEFAULT 0;

DROP VIEW runs_view;
CREATE VIEW runs_view AS
SELECT
    runs.id AS run,
    runs.kind AS kind,
    runs.model AS model,
    strftime('%Y-%m-%dT%H:%M:%SZ', runs.started_at, 'unixepoch') AS started,
    strftime('%Y-%m-%dT%H:%M:%SZ', runs.finished_at, 'unixepoch') AS finished,
    (SELECT count(*) FROM writes WHERE writes.run_id = runs.id)
    + runs.forgotten_photos + runs.forgotten_sidecars + runs.forgotten_others AS files,
    runs.undone_by AS undone_by
FROM runs;
