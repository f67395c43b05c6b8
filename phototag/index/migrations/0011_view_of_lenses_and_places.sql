-- photos_view says the lens and the place too: degrees north and east, WGS 84.

DROP VIEW photos_view;
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
    lenses.name AS lens,
    photos.latitude AS latitude,
    photos.longitude AS longitude,
    photos.format AS format,
    photos.width AS width,
    photos.height AS height,
    lower(hex(photos.content_hash)) AS sha256,
    photos.failure AS failure
FROM photos
JOIN folders ON folders.id = photos.folder_id
LEFT JOIN cameras ON cameras.id = photos.camera_id
LEFT JOIN lenses ON lenses.id = photos.lens_id;
