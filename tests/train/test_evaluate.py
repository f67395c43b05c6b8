import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score

from phototag.decide import Rules, decide
from phototag.records import Classifier, Dense, Embedded, Facts, Label, Neighbours, Vectors
from phototag.train.calibrate import Trial
from phototag.train.embed import Example
from phototag.train.evaluate import Evaluation, evaluate
from phototag.train.examples import vocabulary
from tests.train.labelled import example


def _evaluate(
    examples: list[Example], chances: list[list[float]], *, distances: list[float] | None = None, one_category: bool
) -> Evaluation:
    """Figures for photos to which the head gives these probabilities; a photo further than 1 is none of these."""
    words = vocabulary(examples, one_category=one_category)
    logits: Vectors = np.log(np.array(chances, np.float32))
    if not one_category:
        logits -= np.log1p(-np.array(chances, np.float32))
    size = logits.shape[1]
    head = Dense(np.zeros((4, size), np.float32), np.zeros(size, np.float32))
    near = Neighbours(np.eye(4, dtype=np.float32), 1, 1.0)
    apart = np.array(distances or [0] * len(examples), np.float32)
    return evaluate(
        Classifier((head,), words.activation, words.labels, near),
        words,
        examples,
        Trial(tuple(examples), logits, apart),
    )


def test_figures_say_what_a_scan_would_do() -> None:
    examples = [example(n, name) for n, name in enumerate(["cat", "cat", "cat", "cat", "dog", "dog"])]
    chances = [[0.9, 0.1], [0.6, 0.4], [0.2, 0.8], [0.7, 0.3], [0.1, 0.9], [0.5, 0.5]]
    found = _evaluate(examples, chances, distances=[0, 0, 0, 2, 0, 2], one_category=True)
    assert found.accuracy == pytest.approx(4 / 6)  # an even chance is the first one's
    assert (found.right, found.wrong, found.untagged) == pytest.approx((3 / 6, 1 / 6, 2 / 6))
    cat, dog = found.categories
    assert (cat.name, cat.learned, cat.checked, cat.precision, cat.recall) == ("cat", 4, 4, 1.0, 0.5)
    assert (dog.name, dog.learned, dog.checked, dog.precision, dog.recall) == ("dog", 2, 2, 0.5, 0.5)
    assert found.confused == (("cat", "dog", 1), ("dog", "cat", 1))
    assert found.mean_average_precision is None


def test_a_word_that_is_never_given_has_no_precision() -> None:
    examples = [example(0, "cat"), example(1, "dog")]
    found = _evaluate(examples, [[0.9, 0.1], [0.8, 0.2]], one_category=True)
    assert found.categories[1].precision is None
    assert found.categories[1].recall == 0


def test_broader_words_have_figures_of_their_own() -> None:
    examples = [example(0, "animal/cat"), example(1, "animal/dog"), example(2, "rose")]
    found = _evaluate(examples, [[0.9, 0.05, 0.05], [0.45, 0.45, 0.1], [0.1, 0.1, 0.8]], one_category=True)
    animal, cat, dog, _ = found.categories
    assert (animal.name, animal.precision, animal.recall) == ("animal", 1.0, 1.0)
    assert (cat.name, cat.recall) == ("animal/cat", 1.0)
    assert (dog.name, dog.recall) == ("animal/dog", 0.0)
    assert (found.right, found.wrong, found.untagged) == pytest.approx((2 / 3, 0, 0))


def test_figures_of_several_labels_agree_with_scikit_learn() -> None:
    random = np.random.default_rng(0)
    truths = random.random((60, 3)) < 0.4
    truths[:3] = np.eye(3, dtype=bool)
    names = ["a", "b", "c"]
    examples = [
        example(n, *(name for name, there in zip(names, row, strict=True) if there)) for n, row in enumerate(truths)
    ]
    chances = np.clip(random.random((60, 3)) * 0.6 + truths * 0.3, 0.01, 0.99)
    found = _evaluate(examples, chances.tolist(), one_category=False)
    assert found.mean_average_precision == pytest.approx(average_precision_score(truths, chances, average="macro"))
    assert found.micro_f1 == pytest.approx(f1_score(truths, chances >= 0.5, average="micro"))
    assert found.accuracy is None
    assert found.confused == ()
    assert "accuracy" not in found.as_dict()


def test_evaluation_and_scan_give_the_same_words() -> None:
    labels = (Label("animal", (0, 1), (), 0.99), Label("cat", (0,), ("animal",), 0.5), Label("rose", (1,), (), 0.5))
    near = Neighbours(np.eye(2, dtype=np.float32), 1, 0.2)
    classifier = Classifier((Dense(np.eye(2, dtype=np.float32), np.zeros(2, np.float32)),), "sigmoid", labels, near)
    random = np.random.default_rng(1)
    examples = [example(n, embedding=random.normal(size=2).astype(np.float32)) for n in range(50)]
    photos = [Embedded(one.ref, one.content_hash, Facts("JPEG", 1, 1), one.embedding) for one in examples]
    decided = decide(photos, classifier, Rules())
    words = vocabulary([example(1, "animal/cat"), example(2, "rose")], one_category=False)
    embeddings = np.stack([one.embedding for one in examples])
    apart = np.array([said.distance for said in decided], np.float32)
    found = evaluate(classifier, words, examples, Trial(tuple(examples), embeddings, apart))
    assert found.untagged == pytest.approx(np.mean([not said.tags for said in decided]))
    assert 0 < found.untagged < 1
