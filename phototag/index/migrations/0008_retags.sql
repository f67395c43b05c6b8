-- A retag is a run of its own kind. SQLite changes no CHECK: the column is made anew under its name.

DROP VIEW runs_view;
ALTER TABLE runs ADD COLUMN kind_anew TEXT NOT NULL DEFAULT 'scan' CHECK (kind_anew IN ('scan', 'retag', 'untag', 'undo'));
UPDATE runs SET kind_anew = kind;
ALTER TABLE runs DROP COLUMN kind;
ALTER TABLE runs RENAME COLUMN kind_anew TO kind;
CREATE VIEW runs_view AS
SELECT
    runs.id AS run,
    runs.kind AS kind,
    runs.model AS model,
    strftime('%Y-%m-%dT%H:%M:%SZ', runs.started_at, 'unixepoch') AS started,
    strftime('%Y-%m-%dT%H:%M:%SZ', runs.finished_at, 'unixepoch') AS finished,
    (SELECT count(*) FROM writes WHERE writes.run_id = runs.id) AS files,
    runs.undone_by AS undone_by
FROM runs;
