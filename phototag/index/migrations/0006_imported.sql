-- Keywords of the owner's that came from another program's catalogue: they stay, whatever the photo's file holds.
CREATE TABLE imported (
    photo_id INTEGER NOT NULL REFERENCES photos (id) ON DELETE CASCADE,
    tag_id INTEGER NOT NULL REFERENCES tags (id),
    PRIMARY KEY (photo_id, tag_id)
) WITHOUT ROWID;
