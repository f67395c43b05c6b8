import numpy as np
import pytest

from phototag.records import Pixels
from phototag.train.augment import Augmentation, view
from tests.train.labelled import make_image

_NOTHING = Augmentation(**dict.fromkeys(Augmentation.names(), False))


def _photo() -> Pixels:
    """Dark on the left, bright on the right, with some texture."""
    ramp = np.tile(np.linspace(0, 200, 120), (120, 1))[..., None]
    return (ramp + np.asarray(make_image("noise", 1).resize((120, 120))) / 8).astype(np.uint8)


def test_a_view_has_the_networks_size_and_comes_again_with_its_seed() -> None:
    first, again, other = (view(_photo(), 100, Augmentation(), seed) for seed in (1, 1, 2))
    assert (first.shape, first.dtype) == ((100, 100, 3), np.uint8)
    np.testing.assert_array_equal(first, again)
    assert (first != other).any()


def test_with_everything_switched_off_a_view_is_the_photo() -> None:
    assert not _NOTHING.any
    np.testing.assert_array_equal(view(_photo(), 120, _NOTHING, 3), _photo())


@pytest.mark.parametrize("name", Augmentation.names())
def test_each_change_can_be_made_alone(name: str) -> None:
    alone = Augmentation(**{one: one == name for one in Augmentation.names()})
    views = [view(_photo(), 120, alone, seed).astype(int) for seed in range(8)]
    changed = [one for one in views if np.abs(one - _photo().astype(int)).mean() > 1]
    assert changed
    if name == "flip":
        assert all((one == _photo()[:, ::-1]).all() for one in changed)
    else:  # the dark side stays on the left
        assert all(one[:, :60].mean() < one[:, 60:].mean() for one in views)
