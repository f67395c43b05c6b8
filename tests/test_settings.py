"""Defaults < file < environment < options."""

from pathlib import Path

import pytest

from phototag.errors import SettingsError
from phototag.records import Server
from phototag.settings import load_settings


def test_options_win_over_the_environment_over_the_file_over_the_defaults(tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text('model = "file"\nmax_tags = 3\nmin_confidence = 0.25\nworkers = 2\n')
    environment = {"PHOTOTAG_MODEL": "environment", "PHOTOTAG_MAX_TAGS": "4"}
    settings = load_settings(config, environment, model="option", max_tags=None)
    assert settings.model == "option"
    assert settings.max_tags == 4
    assert settings.min_confidence == 0.25
    assert settings.workers == 2
    assert settings.device == "auto"


def test_the_environment_can_name_the_file_and_every_place(tmp_path: Path) -> None:
    config = tmp_path / "mine.toml"
    config.write_text(f'cache = "{tmp_path.as_posix()}/c"\n')
    settings = load_settings(None, {"PHOTOTAG_CONFIG": str(config), "PHOTOTAG_INDEX": str(tmp_path / "i.sqlite")})
    assert settings.cache == tmp_path / "c"
    assert settings.index == tmp_path / "i.sqlite"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        pytest.param("modle = 'x'\n", "unknown setting 'modle'", id="unknown key"),
        pytest.param("min_confidence = 2\n", "min_confidence = 2", id="out of range"),
        pytest.param("workers = 'many'\n", "workers = 'many'", id="wrong kind"),
        pytest.param("workers = 1.5\n", "workers = 1.5", id="fraction"),
        pytest.param("device = 'tpu'\n", "device = 'tpu'", id="unknown device"),
        pytest.param("this is not toml\n", "cannot be read", id="not TOML"),
    ],
)
def test_a_wrong_file_is_named_with_what_is_wrong(tmp_path: Path, text: str, says: str) -> None:
    config = tmp_path / "config.toml"
    config.write_text(text)
    with pytest.raises(SettingsError, match=r"config\.toml") as caught:
        load_settings(config, {})
    assert says in str(caught.value)


def test_a_named_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SettingsError, match=r"no configuration file .*nowhere\.toml"):
        load_settings(tmp_path / "nowhere.toml", {})


def test_a_wrong_variable_is_named() -> None:
    with pytest.raises(SettingsError, match="max_tags = '0' in the environment"):
        load_settings(None, {"PHOTOTAG_MAX_TAGS": "0"})


@pytest.mark.parametrize("scheme", ["postgresql+psycopg", "postgresql"])
def test_an_index_may_be_on_a_server_and_its_password_is_never_shown(scheme: str, home: Path) -> None:
    url = f"{scheme}://me:se@cret@nas:5432/photos?password=secret&sslmode=require"
    settings = load_settings(None, {"PHOTOTAG_INDEX": url})
    assert settings.index == Server(url)
    assert str(settings.index) == f"{scheme}://me@nas:5432/photos?password=***&sslmode=require"
    assert "cret" not in repr(settings)
    assert settings.beside.is_relative_to(home)
    assert settings.beside.name.startswith("me-nas-5432-photos-")
    other = load_settings(None, {}, index=url.replace("/photos", "/others"))
    assert other.beside != settings.beside
    assert load_settings(None, {}, index=url.replace("se@cret", "other")).beside == settings.beside
    assert load_settings(None, {}, index="/some/file").beside == Path("/some/file").absolute()


def test_a_url_of_another_kind_is_refused_without_its_password() -> None:
    with pytest.raises(SettingsError, match="'mysql://me@nas/photos' in the options does not fit") as caught:
        load_settings(None, {}, index="mysql://me:secret@nas/photos")
    assert "postgresql+psycopg://" in str(caught.value)
    assert "secret" not in str(caught.value)
