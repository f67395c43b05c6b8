"""Labelled photos in, a bundle out. `learn.train` is the whole way on one screen."""

from phototag.train.learn import Outcome, train
from phototag.train.request import HeadSettings, KeywordWish, Request

__all__ = ["HeadSettings", "KeywordWish", "Outcome", "Request", "train"]
