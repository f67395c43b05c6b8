"""A request in, the network that training begins with out."""

from collections.abc import Callable

from phototag.bundle import DEFAULT_NETWORK, find_network
from phototag.records import Network
from phototag.train.request import Request

TUNED_NETWORK = "efficientnet-lite2"


def network_for(request: Request, tell: Callable[[str], None], *, one_category: bool = True) -> Network:
    """Find the network asked for, or else the one that suits: the larger one gains more by fine-tuning, and knows more
    where photos are few; the smaller one is for those who want a head alone, and quickly, and for photos with several
    labels, where the larger one was no better.

    Args:
        request: what for.
        one_category: whether every photo has one category.
        tell: is told where it takes a while.

    Raises:
        ModelError: there is no such network, or its weights cannot be had or do not fit.
    """
    small = request.tune.mode == "off" or not one_category
    name = request.network or (DEFAULT_NETWORK if small else TUNED_NETWORK)
    if name in (DEFAULT_NETWORK, TUNED_NETWORK) and request.image_size is None and request.weights == "own":
        return find_network(name)
    from phototag.backbone.made import Wish, make_network  # loads TensorFlow

    tell("making the network")
    wish = Wish(name, request.image_size, request.weights, request.head.seed)
    return make_network(wish, request.cache / "networks")
