-- What tells whether a file still holds the same picture: phototag/metadata/picture.py. NULL: not known, or it has none.
ALTER TABLE photos ADD COLUMN picture BLOB;
