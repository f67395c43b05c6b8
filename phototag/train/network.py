"""A request in, the network that training begins with out."""

from collections.abc import Callable

from phototag.bundle import DEFAULT_NETWORK, find_network
from phototag.records import Network
from phototag.train.dataset import Listing
from phototag.train.finetune import ENOUGH_TO_HOLD_OUT
from phototag.train.request import Request

TUNED_NETWORK = "efficientnet-lite2"


def network_for(request: Request, to_learn: Listing, tell: Callable[[str], None]) -> Network:
    """Find the network asked for, or else the one that suits: the larger one gains more by fine-tuning, the smaller one
    does as well or better without.

    Args:
        request: what for.
        to_learn: the photos to learn from.
        tell: is told where it takes a while.

    Raises:
        ModelError: there is no such network, or its weights cannot be had or do not fit.
    """
    name = request.network or (TUNED_NETWORK if _to_be_tuned(request, len(to_learn.photos)) else DEFAULT_NETWORK)
    if name in (DEFAULT_NETWORK, TUNED_NETWORK) and request.image_size is None and request.weights == "own":
        return find_network(name)
    from phototag.backbone.made import Wish, make_network  # loads TensorFlow

    tell("making the network")
    wish = Wish(name, request.image_size, request.weights, request.head.seed)
    return make_network(wish, request.cache / "networks")


def _to_be_tuned(request: Request, photos: int) -> bool:
    if request.tune.mode == "auto":
        return request.validation is not None or photos >= ENOUGH_TO_HOLD_OUT
    return request.tune.mode == "on"
