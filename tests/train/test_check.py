"""What is wrong with labelled photos is found, and what is right is left alone."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from phototag.records import PhotoRef
from phototag.train.check import Findings, inspect, warn
from phototag.train.check.copies import find_copies
from phototag.train.check.suspects import find_suspects, judge, left_out
from phototag.train.embed import Example
from phototag.train.report.checked import check_page
from tests.photos import make_jpeg
from tests.train.labelled import clusters, example, make_image


def _moved(examples: list[Example], number: int, *categories: str) -> list[Example]:
    """The same, with another category for one photo."""
    said = frozenset(tuple(name.split("/")) for name in categories)
    return [replace(one, categories=said) if n == number else one for n, one in enumerate(examples)]


def _saved(folder: Path, name: str, image: Image.Image, embedding: "list[float]", *categories: str) -> Example:
    """A photo on disk, embedded by hand."""
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    data = make_jpeg(image)
    path.write_bytes(data)
    vector = np.array(embedding, np.float32)
    one = example(0, *categories, embedding=vector, content=int.from_bytes(data[-200:], "big") % 2**250)
    return replace(one, ref=PhotoRef(str(path), len(data), 0))


def test_each_photo_is_judged_exactly_by_a_fit_without_it() -> None:
    random = np.random.default_rng(0)
    inputs = random.normal(size=(12, 5)).astype(np.float32)
    inputs -= inputs.mean(axis=0)  # so that leaving one out does not move the centre that all share
    targets, weights = random.normal(size=(12, 2)), random.uniform(0.5, 2, 12)
    found = left_out(inputs, targets, weights)
    full = np.hstack([inputs.astype(np.float64), np.ones((12, 1))])
    for n in range(12):
        rest = np.delete(np.arange(12), n)
        weighed = full[rest] * weights[rest, None]
        fitted = np.linalg.solve(weighed.T @ full[rest] + 2.0 * np.eye(6), weighed.T @ targets[rest])
        assert found[n] == pytest.approx(full[n] @ fitted, abs=1e-6)


def test_photos_in_the_wrong_category_are_named_first_with_what_they_look_like() -> None:
    examples = clusters({"cat": 40, "dog": 30, "fish": 20})
    examples = _moved(_moved(examples, 3, "fish"), 50, "cat")
    suspects = find_suspects(judge(examples))
    assert {(one.ref.path, one.given, one.looks) for one in suspects[:2]} == {
        (examples[3].ref.path, "fish", "cat"),
        (examples[50].ref.path, "cat", "dog"),
    }
    assert all(one.sure and one.confidence > 0.5 for one in suspects[:2])
    assert [one.doubt for one in suspects] == sorted((one.doubt for one in suspects), reverse=True)


def test_of_well_sorted_photos_none_is_named() -> None:
    assert find_suspects(judge(clusters({"cat": 30, "dog": 30}, spread=0.2))) == ()


def test_a_missing_and_a_wrong_label_among_several_are_named() -> None:
    examples = clusters({"sea": 30, "sunset": 30, "sea+sunset": 20}, spread=0.2)
    examples = _moved(_moved(examples, 2, "sunset"), 70, "sea")
    found = {(one.ref.path, one.given, one.looks) for one in find_suspects(judge(examples)) if one.sure}
    assert found == {
        (examples[2].ref.path, "not sea", "sea"),
        (examples[2].ref.path, "sunset", "not sunset"),
        (examples[70].ref.path, "not sunset", "sunset"),
    }


def test_too_few_photos_are_not_judged() -> None:
    assert find_suspects(judge([])) == ()
    assert find_suspects(judge(clusters({"cat": 2, "dog": 2}))) == ()
    judged = judge(clusters({"cat": 30, "dog": 30, "fish": 2}))
    assert judged.categories == (("cat",), ("dog",))
    assert len(judged.examples) == 60


def test_small_and_confusable_categories_are_named() -> None:
    examples = clusters({"cat": 30, "dog": 9})
    same = clusters({"shirt": 40}, seed=7)
    halves = [replace(one, categories=frozenset([("shirt",) if n % 2 else ("blouse",)])) for n, one in enumerate(same)]
    findings = inspect([*examples, *halves])
    assert [(small.name, small.photos) for small in findings.small] == [("dog", 9)]
    assert [(pair.first, pair.second, pair.photos) for pair in findings.alike] == [("blouse", "shirt", 40)]


def test_altered_copies_are_one_group_and_others_none(tmp_path: Path) -> None:
    image = make_image("noise", 1).resize((320, 320), Image.Resampling.BICUBIC)
    other = make_image("noise", 2).resize((320, 320), Image.Resampling.BICUBIC)
    examples = [
        _saved(tmp_path, "a/1.jpg", image, [1, 0, 0.0], "a"),
        _saved(tmp_path, "b/half.jpg", image.resize((160, 160)), [1, 0.5, 0], "b"),
        _saved(tmp_path, "a/mirrored.jpg", image.transpose(Image.Transpose.FLIP_LEFT_RIGHT), [1, 0, 0.5], "a"),
        _saved(tmp_path, "a/other.jpg", other, [1, 0.4, 0.4], "a"),
    ]
    (group,) = find_copies(examples, workers=2)
    assert group.how == "picture"
    assert group.torn
    assert [(Path(ref.path).name, said) for ref, said in group.photos] == [
        ("1.jpg", "a"),
        ("mirrored.jpg", "a"),
        ("half.jpg", "b"),
    ]


def test_the_same_file_twice_is_found_without_looking_at_it() -> None:
    examples = [example(1, "a", content=5), example(2, "a", content=5), example(3, "a")]
    examples[2] = replace(examples[2], embedding=np.array([1, -1, 1, -1], np.float32))
    (group,) = find_copies(examples, workers=1)
    assert (group.how, group.torn) == ("file", False)
    assert [ref.path for ref, _ in group.photos] == ["/1.jpg", "/2.jpg"]


def test_training_warns_of_what_is_surely_wrong_and_says_how_to_see_it(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.WARNING)
    examples = clusters({"cat": 30, "dog": 30}, spread=0.2)
    warn(examples, Path("photos"))
    assert caplog.messages == []
    warn(_moved(examples, 3, "dog"), Path("photos"))
    (message,) = caplog.messages
    assert f"such as {examples[3].ref.path} (dog, looks like cat)" in message
    assert message.endswith("phototag check photos")


def test_the_page_shows_everything_and_needs_nothing_from_elsewhere(tmp_path: Path) -> None:
    examples = clusters({"cat": 30, "<dog>": 30}, spread=0.2)
    image = make_image("checks", 1)
    wrong = _saved(tmp_path, "cat/<b>&.jpg", image, list(map(float, examples[40].embedding)), "cat")
    copy = replace(wrong, ref=PhotoRef(str(tmp_path / "gone.jpg"), 1, 0))
    html = check_page(inspect([*examples, wrong, copy]), tmp_path, workers=1)
    assert "Perhaps in the wrong category" in html
    assert "cat/&lt;b&gt;&amp;.jpg" in html
    assert "<b>&lt;dog&gt;</b>" in html
    assert "<dog>" not in html
    assert 'src="data:image/jpeg;base64,' in html
    assert "no picture" in html  # gone.jpg
    assert "http://" not in html
    assert "https://" not in html
    assert "<script" not in html
    assert "default-src 'none'" in html


def test_an_empty_page_says_so(tmp_path: Path) -> None:
    assert "Nothing was found." in check_page(Findings(0, 0, (), (), (), (), ()), tmp_path, workers=1)


def test_flipped_labels_of_real_photos_are_among_the_first_named(real_photos: Path, tmp_path: Path) -> None:
    from bench.linter import embedded, recall

    examples = embedded(real_photos / "pets", tmp_path)
    assert np.mean([recall(examples, 0.05, 0.08, seed) for seed in range(3)]) >= 0.8
