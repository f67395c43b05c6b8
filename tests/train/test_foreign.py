"""None of these: pets and flowers are learned from real photos, and photos of other things get no tag."""

from hashlib import sha256
from pathlib import Path

from phototag.backbone import open_backbone
from phototag.decide import Rules, decide
from phototag.records import Decided, Embedded, Facts, Failed
from phototag.train import Request, train
from phototag.train.cache import EmbeddingCache
from phototag.train.dataset import Labelled
from phototag.train.embed import embed
from phototag.walk import walk


def test_foreign_photos_get_no_tag_and_known_ones_get_the_right_one(real_photos: Path, tmp_path: Path) -> None:
    held_out: list[str] = []
    for path in sorted([*real_photos.glob("pets/*/*"), *real_photos.glob("flowers/*/*")]):
        if sha256(path.name.encode()).digest()[0] < 64:
            held_out.append(str(path))
        else:
            place = tmp_path / "labelled" / path.parent.name / path.name
            place.parent.mkdir(parents=True, exist_ok=True)
            place.symlink_to(path)
    bundle = train(
        Request(tmp_path / "labelled", "known", tmp_path / "model", tmp_path, device="cpu"), lambda done, total: None
    ).bundle

    backbone = open_backbone(bundle.network, "cpu")
    cache = EmbeddingCache(tmp_path / "embeddings", backbone.network, "cpu")

    def decided(*roots: str) -> list[Decided]:
        photos = [Labelled(ref, frozenset()) for ref in walk(roots) if not isinstance(ref, Failed)]
        found = embed(photos, backbone, cache, workers=2, progress=lambda done: None)
        embedded = [
            Embedded(one.ref, one.content_hash, Facts("JPEG", 1, 1), one.embedding)
            for one in found
            if not isinstance(one, Failed)
        ]
        return decide(embedded, bundle.classifier, Rules())

    foreign = decided(*(str(real_photos / name) for name in ("unknown", "photos", "clothing/validation")))
    known = decided(*held_out)
    cache.close()
    assert len(foreign) > 500
    assert len(known) > 150
    assert sum(bool(one.tags) for one in foreign) <= 0.02 * len(foreign)
    right = [[tag.word for tag in one.tags] == [Path(one.ref.path).parent.name] for one in known]
    assert sum(right) >= 0.8 * len(right)
