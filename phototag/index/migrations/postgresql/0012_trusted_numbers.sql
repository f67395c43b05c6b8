-- Nobody deletes a word, a model, a decision, a camera or a lens, and their numbers come from the transaction that writes
-- them down. To look each up once more took nearly half of the time that remembering photos took; `phototag db check` does.

ALTER TABLE photo_tags DROP CONSTRAINT photo_tags_source_id_fkey, DROP CONSTRAINT photo_tags_tag_id_fkey;
ALTER TABLE verdicts DROP CONSTRAINT verdicts_source_id_fkey, DROP CONSTRAINT verdicts_decision_id_fkey;
ALTER TABLE photos DROP CONSTRAINT photos_camera_id_fkey, DROP CONSTRAINT photos_lens_id_fkey;
