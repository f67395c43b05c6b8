"""Defaults < configuration file < environment < options, in; one frozen `Settings`, out. The only reader of both."""

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any, Literal

import platformdirs

from phototag.errors import SettingsError
from phototag.records import Place, Server

_APP = "phototag"
_ENVIRONMENT = "PHOTOTAG_"
_SERVERS = ("postgresql+psycopg", "postgresql")
"""What the URL of an index on a server begins with."""


@dataclass(frozen=True, slots=True)
class Settings:
    """Where phototag keeps things and how it works unless told otherwise.

    Attributes:
        index: the SQLite file, or the PostgreSQL server.
        models: folder of the trained models.
        cache: folder that may be deleted at any time.
        model: name or folder of the model to scan with; None: the newest trained one, else the built-in one.
        device: "auto", "cpu" or "gpu".
        min_confidence: replaces every threshold of the model's own, 0 to 1; None keeps them.
        max_tags: the most tags a photo, broader words not counted; None: no bound.
        workers: threads that decode, and that write; None: one more than the cores this process may use.
        batch_size: photos that the network takes at once; None: what suits the device.
        timeout: seconds that a photo may take to decode.
        log_file: where scans keep a log; None: nowhere.
    """

    index: Place
    models: Path
    cache: Path
    model: str | None = None
    device: Literal["auto", "cpu", "gpu"] = "auto"
    min_confidence: float | None = None
    max_tags: int | None = None
    workers: int | None = None
    batch_size: int | None = None
    timeout: float = 60.0
    log_file: Path | None = None

    @property
    def beside(self) -> Path:
        """What files that belong to the index are named after: its own; for a server's, one in the user's folder."""
        if isinstance(self.index, Path):
            return self.index
        import hashlib

        name = re.sub(r"[^\w.-]+", "-", str(self.index).partition("://")[2].partition("?")[0])
        mark = hashlib.sha256(str(self.index).encode()).hexdigest()[:8]
        return _data_folder() / "servers" / f"{name}-{mark}"


def config_path() -> Path:
    """Where the configuration file is looked for unless one is named."""
    return Path(platformdirs.user_config_dir(_APP, appauthor=False)) / "config.toml"


def load_settings(config: Path | None = None, environment: Mapping[str, str] | None = None, **options: Any) -> Settings:
    """Put the settings together.

    Args:
        config: the configuration file; by default the user's own, if there is one.
        environment: by default the process's; variables `PHOTOTAG_INDEX`, `PHOTOTAG_MODEL`, ... are read.
        options: from the command line; None means not given.

    Raises:
        SettingsError: a file that cannot be read, an unknown key, or a value of the wrong kind; names the place.
    """
    environment = os.environ if environment is None else environment
    named = config or (Path(environment[_ENVIRONMENT + "CONFIG"]) if _ENVIRONMENT + "CONFIG" in environment else None)
    settings = _defaults()
    for place, values in (
        (str(named or config_path()), _read_toml(named)),
        ("the environment", _read_environment(environment)),
        ("the options", {key: value for key, value in options.items() if value is not None}),
    ):
        settings = replace(settings, **{key: _convert(place, key, value) for key, value in values.items()})
    return settings


def _defaults() -> Settings:
    data = _data_folder()
    if not data.is_absolute():
        raise SettingsError(
            "this user has no home folder: name the places with PHOTOTAG_INDEX, PHOTOTAG_MODELS and PHOTOTAG_CACHE"
        )
    cache = Path(platformdirs.user_cache_dir(_APP, appauthor=False))
    return Settings(index=data / "index.sqlite", models=data / "models", cache=cache)


def _data_folder() -> Path:
    return Path(platformdirs.user_data_dir(_APP, appauthor=False))


def _read_toml(named: Path | None) -> dict[str, Any]:
    path = named or config_path()
    try:
        text = path.read_text(encoding="utf-8")
        import tomllib  # most people have no such file

        return tomllib.loads(text)
    except FileNotFoundError as exc:
        if named is None:
            return {}
        raise SettingsError(f"no configuration file {path}") from exc
    except (OSError, ValueError) as exc:
        raise SettingsError(f"{path} cannot be read: {exc}") from exc


def _read_environment(environment: Mapping[str, str]) -> dict[str, str]:
    known = {_ENVIRONMENT + f.name.upper(): f.name for f in fields(Settings)}
    return {name: environment[key] for key, name in known.items() if environment.get(key)}


def _convert(place: str, key: str, value: Any) -> Any:
    """Bring a value from TOML, the environment or an option to its field's type and check its range."""
    try:
        if key in ("index", "models", "cache", "log_file"):
            is_url = key == "index" and "://" in str(value)
            return _server(place, str(value)) if is_url else Path(value).expanduser().absolute()
        if key == "model":
            return str(value)
        if key == "device" and value in ("auto", "cpu", "gpu"):
            return value
        if key == "min_confidence" and 0 <= float(value) <= 1:
            return float(value)
        if key == "timeout" and float(value) > 0:
            return float(value)
        if key in ("max_tags", "workers", "batch_size") and not isinstance(value, float) and int(value) >= 1:
            return int(value)
    except (TypeError, ValueError, RuntimeError) as exc:
        raise SettingsError(f"{key} = {value!r} in {place} does not fit") from exc
    known = [f.name for f in fields(Settings)]
    if key not in known:
        raise SettingsError(f"unknown setting {key!r} in {place}: known are {', '.join(known)}")
    raise SettingsError(f"{key} = {value!r} in {place} does not fit")


def _server(place: str, url: str) -> Server:
    """The server that a URL names."""
    server = Server(url)
    if url.partition("://")[0] not in _SERVERS:
        raise SettingsError(
            f"index = {str(server)!r} in {place} does not fit: a file, or {_SERVERS[0]}://HOST/DATABASE"
        )
    return server
