"""The whole way from photos to bundle: real files, the real network, a real head."""

import itertools
import os
from dataclasses import replace
from pathlib import Path

import pytest

from phototag.bundle import Bundle, load_bundle
from phototag.decide import Rules, decide
from phototag.errors import ModelError, TrainingDataError
from phototag.records import Decided, Embedded, Facts, Failed
from phototag.train import HeadSettings, Outcome, Request, train
from phototag.train.cache import EmbeddingCache
from phototag.train.dataset import read_dataset
from phototag.train.embed import embed
from tests.train.labelled import save_patterns, save_photo

_HEAD = HeadSettings(epochs=20)


@pytest.fixture(scope="module")
def patterns(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve photos of each of three patterns; the stripes lie in `lines/stripes`."""
    root = save_patterns(tmp_path_factory.mktemp("patterns"), 12)
    (root / "lines").mkdir()
    (root / "stripes").rename(root / "lines" / "stripes")
    return root


def _request(root: Path, tmp_path: Path, **options: object) -> Request:
    request = Request(root=root, name="patterns", output=tmp_path / "models" / "patterns", cache=tmp_path, head=_HEAD)
    return replace(request, **options)  # type: ignore[arg-type]


def _train(request: Request) -> Outcome:
    return train(request, lambda done, total: None)


def _decide(bundle: Bundle, root: Path, tmp_path: Path) -> list[Decided]:
    from phototag.backbone import open_backbone

    backbone = open_backbone(bundle.network, "cpu")
    cache = EmbeddingCache(tmp_path / "other", backbone.network, "cpu")
    found = embed(read_dataset(root).photos, backbone, cache, workers=2, progress=lambda done: None)
    photos = [
        Embedded(one.ref, one.content_hash, Facts("JPEG", 96, 96), one.embedding)
        for one in found
        if not isinstance(one, Failed)
    ]
    cache.close()
    return decide(photos, bundle.classifier, Rules())


def test_what_is_learned_tags_new_photos_with_narrow_and_broad_words(patterns: Path, tmp_path: Path) -> None:
    outcome = _train(_request(patterns, tmp_path))
    assert outcome.failed == ()
    assert outcome.evaluation is not None
    assert outcome.evaluation.accuracy is not None
    assert outcome.evaluation.accuracy > 0.9
    assert outcome.bundle.metrics["accuracy"] == outcome.evaluation.accuracy
    for number in range(100, 110):
        save_photo(tmp_path / "new" / "stripes" / f"{number}.jpg", "stripes", number)
    decided = _decide(load_bundle(outcome.bundle.folder), tmp_path / "new", tmp_path)
    tagged = [{tag.word for tag in one.tags} for one in decided if one.tags]
    assert tagged
    assert all(words == {"lines", "stripes"} for words in tagged)


def _rename_all(root: Path, target: Path) -> Path:
    """The same photos under other names, so that they are listed in another order."""
    for number, path in enumerate(sorted(root.rglob("*.jpg"), reverse=True)):
        place = target / path.parent.relative_to(root) / f"{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        os.link(path, place)
    return target


def test_the_same_photos_give_the_same_bundle_whatever_their_names_and_whatever_is_cached(
    patterns: Path, tmp_path: Path
) -> None:
    first = _train(_request(patterns, tmp_path))
    second = _train(_request(_rename_all(patterns, tmp_path / "renamed"), tmp_path))
    other = _train(_request(patterns, tmp_path, head=replace(_HEAD, seed=1)))
    assert first.bundle.fingerprint == second.bundle.fingerprint
    assert first.bundle.metrics == second.bundle.metrics
    assert first.bundle.fingerprint != other.bundle.fingerprint


def test_photos_to_check_with_are_measured_and_not_learned_from(patterns: Path, tmp_path: Path) -> None:
    save_patterns(tmp_path / "check", 3, ("checks", "noise"))  # numbers 0 to 2 are also among those to learn from
    for number in (50, 51):
        save_photo(tmp_path / "check" / "checks" / f"{number}.jpg", "checks", number)
    outcome = _train(_request(patterns, tmp_path, validation=tmp_path / "check"))
    assert outcome.evaluation is not None
    assert (outcome.evaluation.learned, outcome.evaluation.checked) == (36 - 6, 8)


def test_unknown_categories_to_check_with_are_refused_before_any_work(patterns: Path, tmp_path: Path) -> None:
    save_patterns(tmp_path / "check", 1, ("noise",))
    save_photo(tmp_path / "check" / "dots" / "1.jpg", "noise", 9)
    with pytest.raises(TrainingDataError, match=r"no photos to learn from: dots$"):
        train(
            _request(patterns, tmp_path, validation=tmp_path / "check"), lambda done, total: pytest.fail("photos read")
        )


def test_damaged_photos_are_left_out_and_named(patterns: Path, tmp_path: Path) -> None:
    root = _rename_all(patterns, tmp_path / "some")
    (root / "noise" / "bad.jpg").write_bytes(b"no photo")
    outcome = _train(_request(root, tmp_path))
    assert [(failed.ref.path, failed.reason) for failed in outcome.failed] == [
        (str(root / "noise" / "bad.jpg"), "not a photo")
    ]


def test_nothing_but_damaged_photos_is_refused(tmp_path: Path) -> None:
    for name in ("a/1.jpg", "b/2.jpg"):
        (tmp_path / "photos" / name).parent.mkdir(parents=True)
        (tmp_path / "photos" / name).write_bytes(b"no photo")
    with pytest.raises(TrainingDataError, match=r"none of the 2 photos in .* can be learned from"):
        _train(_request(tmp_path / "photos", tmp_path))


def test_labels_from_a_csv_file_give_several_words_a_photo(tmp_path: Path) -> None:
    root = save_patterns(tmp_path / "photos", 12)
    said = {"stripes": "regular", "checks": "regular|crossed", "noise": ""}
    lines = [f"{path.relative_to(root)},{said[path.parent.name]}" for path in sorted(root.rglob("*.jpg"))]
    (tmp_path / "labels.csv").write_text("path,labels\n" + "\n".join(lines) + "\n")
    outcome = _train(_request(root, tmp_path, labels=tmp_path / "labels.csv"))
    classifier = outcome.bundle.classifier
    assert classifier.activation == "sigmoid"
    assert [label.word for label in classifier.labels] == ["crossed", "regular"]
    assert outcome.evaluation is not None
    assert outcome.evaluation.mean_average_precision is not None
    assert outcome.evaluation.mean_average_precision > 0.9


def test_photos_in_the_folder_none_are_learned_from_and_give_no_tag(patterns: Path, tmp_path: Path) -> None:
    root = _rename_all(patterns, tmp_path / "labelled")
    (root / "noise").rename(root / "none")
    outcome = _train(_request(root, tmp_path))
    assert [label.word for label in outcome.bundle.classifier.labels] == ["checks", "lines", "stripes"]
    assert outcome.evaluation is not None
    assert [one.name for one in outcome.evaluation.categories] == ["checks", "lines", "lines/stripes"]
    assert (outcome.evaluation.learned, outcome.evaluation.checked) == (36, 36)
    for pattern, number in itertools.product(("stripes", "noise"), range(100, 106)):
        save_photo(tmp_path / "new" / pattern / f"{number}.jpg", pattern, number)
    decided = _decide(load_bundle(outcome.bundle.folder), tmp_path / "new", tmp_path)
    tagged = {Path(one.ref.path).parent.name for one in decided if one.tags}
    assert tagged == {"stripes"}


def test_a_single_photo_in_each_category_is_enough_for_a_model_but_not_for_figures(tmp_path: Path) -> None:
    outcome = _train(_request(save_patterns(tmp_path / "photos", 1), tmp_path))
    assert outcome.evaluation is None
    assert len(outcome.bundle.classifier.labels) == 3


def test_stopping_leaves_no_half_bundle(patterns: Path, tmp_path: Path) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        train(_request(patterns, tmp_path), stop)
    assert not (tmp_path / "models").exists()


def test_an_output_folder_with_other_things_in_it_is_refused_before_any_work(patterns: Path, tmp_path: Path) -> None:
    (tmp_path / "photo.jpg").write_bytes(b"")
    with pytest.raises(ModelError, match="choose another --output"):
        train(_request(patterns, tmp_path, output=tmp_path), lambda done, total: pytest.fail("photos read"))
