-- What other programs may rely on: docs/index.md lists these views and every column; the tables may change.
-- Text paths are the bytes of the file system read as UTF-8. Times are ISO 8601 in UTC; `taken` is the camera's own.

CREATE VIEW photos_view AS
SELECT
    photos.id AS photo_id,
    CASE WHEN folders.path = CAST('/' AS BLOB) THEN '/'
         WHEN CAST(substr(folders.path, 2, 2) AS TEXT) = ':\' OR CAST(substr(folders.path, 1, 2) AS TEXT) = '\\'
         THEN rtrim(CAST(folders.path AS TEXT), '\') || '\'
         ELSE CAST(folders.path AS TEXT) || '/' END || CAST(photos.name AS TEXT) AS path,
    CAST(folders.path AS TEXT) AS folder,
    CAST(photos.name AS TEXT) AS name,
    photos.size_bytes AS size_bytes,
    strftime('%Y-%m-%dT%H:%M:%SZ', photos.mtime_ns / 1000000000, 'unixepoch') AS modified,
    photos.taken AS taken,
    cameras.name AS camera,
    photos.format AS format,
    photos.width AS width,
    photos.height AS height,
    lower(hex(photos.content_hash)) AS sha256,
    photos.failure AS failure
FROM photos
JOIN folders ON folders.id = photos.folder_id
LEFT JOIN cameras ON cameras.id = photos.camera_id;

CREATE VIEW tags_view AS
SELECT
    photo_tags.photo_id AS photo_id,
    photos_view.path AS path,
    tags.word AS word,
    sources.name AS model,
    photo_tags.score / 10000.0 AS score,
    photo_tags.added AS in_file
FROM photo_tags
JOIN photos_view ON photos_view.photo_id = photo_tags.photo_id
JOIN tags ON tags.id = photo_tags.tag_id
JOIN sources ON sources.id = photo_tags.source_id
WHERE photo_tags.source_id <> 0 AND photo_tags.score IS NOT NULL;

CREATE VIEW keywords_view AS
SELECT
    photo_tags.photo_id AS photo_id,
    photos_view.path AS path,
    tags.word AS word
FROM photo_tags
JOIN photos_view ON photos_view.photo_id = photo_tags.photo_id
JOIN tags ON tags.id = photo_tags.tag_id
WHERE photo_tags.source_id = 0;

CREATE VIEW verdicts_view AS
SELECT
    verdicts.photo_id AS photo_id,
    photos_view.path AS path,
    sources.name AS model,
    verdicts.place AS place,
    strftime('%Y-%m-%dT%H:%M:%SZ', verdicts.decided_at, 'unixepoch') AS decided,
    verdicts.distance AS distance,
    verdicts.note AS note
FROM verdicts
JOIN photos_view ON photos_view.photo_id = verdicts.photo_id
JOIN sources ON sources.id = verdicts.source_id;

CREATE VIEW words_view AS
SELECT
    tags.word AS word,
    count(DISTINCT CASE WHEN photo_tags.source_id <> 0 THEN photo_tags.photo_id END) AS by_phototag,
    count(DISTINCT CASE WHEN photo_tags.source_id = 0 THEN photo_tags.photo_id END) AS by_me
FROM photo_tags
JOIN tags ON tags.id = photo_tags.tag_id
WHERE photo_tags.score IS NOT NULL
GROUP BY tags.id;

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
