"""Where a setting comes from, and what is said of one that cannot be."""

import dataclasses
import re
import tomllib
from pathlib import Path

import pytest

from bot.settings import DatabaseSettings, Settings, config_file, load, state_dir
from engine.errors import BadInput
from engine.prompts import PromptFormat

SHIPPED = Path(__file__).parents[2] / "config" / "supercharge.toml"


@pytest.fixture(autouse=True)
def _empty_place(tmp_path, monkeypatch):
    """A working directory and a home with nothing in them."""
    (tmp_path / "work").mkdir()
    monkeypatch.chdir(tmp_path / "work")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def environ(tmp_path: Path, **variables: str) -> dict[str, str]:
    return {"XDG_CONFIG_HOME": str(tmp_path / "home"), **variables}


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "given.toml"
    path.write_text(text, encoding="utf-8")
    return path


def test_given_nothing_then_every_setting_has_its_default(tmp_path):
    assert load(environ=environ(tmp_path)) == Settings()


def test_the_shipped_file_lists_every_key_with_its_default():
    # A key whose default is "unset" is shown as a comment: TOML has no word for nothing.
    text = re.sub(r"^# (\w+ = .*)$", r"\1", SHIPPED.read_text(encoding="utf-8"), flags=re.MULTILINE)
    listed = tomllib.loads(text)
    defaults = dataclasses.asdict(Settings())

    del defaults["models"]  # as many as a user names, all with the keys of [model]
    assert {name: set(keys) for name, keys in listed.items()} == {
        name: set(keys) for name, keys in defaults.items()
    }
    assert set(listed["model"]["openai"]) == set(defaults["model"]["openai"])
    for section, keys in defaults.items():
        for key, default in keys.items():
            if default is not None:
                assert listed[section][key] == (list(default) if default == () else default), key


def test_given_the_shipped_file_then_it_is_the_defaults(tmp_path):
    assert load(SHIPPED, environ=environ(tmp_path)) == Settings()


def test_every_key_of_the_shipped_file_is_explained():
    lines = SHIPPED.read_text(encoding="utf-8").splitlines()
    explained = False
    for line in lines:
        if not line.strip() or line.startswith("["):
            explained = False
        elif line.startswith("# ") and " = " not in line:
            explained = True
        else:
            assert explained, line


def test_given_several_files_then_the_nearest_is_read_alone(tmp_path):
    at_home = tmp_path / "home" / "supercharge" / "supercharge.toml"
    at_home.parent.mkdir(parents=True)
    at_home.write_text("[search]\ncandidates = 7\ntests = 7\n")
    given = written(tmp_path, "[search]\nminutes = 3\n")
    assert load(environ=environ(tmp_path)).search.candidates == 7

    Path("supercharge.toml").write_text("[search]\ncandidates = 8\n")
    here = load(environ=environ(tmp_path)).search
    assert (here.candidates, here.tests) == (8, Settings().search.tests)

    named = load(environ=environ(tmp_path, SUPERCHARGE_CONFIG=str(given))).search
    assert (named.candidates, named.minutes) == (Settings().search.candidates, 3.0)


def test_given_a_path_then_it_goes_before_the_environments(tmp_path):
    given = written(tmp_path, "[search]\ncandidates = 5\n")

    assert load(given, environ={"SUPERCHARGE_CONFIG": "/nowhere"}).search.candidates == 5


def test_given_file_and_environment_then_the_environment_is_stronger(tmp_path):
    given = written(tmp_path, "[search]\ncandidates = 5\ntests = 6\n")
    there = environ(tmp_path, SUPERCHARGE_SEARCH_CANDIDATES="9")

    assert load(given, environ=there).search.candidates == 9
    assert load(given, environ=there).search.tests == 6


@pytest.mark.parametrize(
    ("variable", "text", "section", "key", "value"),
    [
        ("SEARCH_CANDIDATES", "200", "search", "candidates", 200),
        ("SEARCH_MINUTES", "1.5", "search", "minutes", 1.5),
        ("SEARCH_MINUTES", "2", "search", "minutes", 2.0),
        ("SEARCH_PROMPT_FORMAT", "chat", "search", "prompt_format", PromptFormat.CHAT),
        ("MODEL_MODEL", "owner/name", "model", "model", "owner/name"),
        ("MODEL_MODEL", '"owner/name"', "model", "model", "owner/name"),
        ("MODEL_MODEL", "2024", "model", "model", "2024"),
        ("MODEL_MODEL", "true", "model", "model", "true"),
        ("MODEL_CACHE_DIR", "/var/cache", "model", "cache_dir", Path("/var/cache")),
        ("SANDBOX_IMAGE", "", "sandbox", "image", ""),
        ("SANDBOX_IMAGE", "a\nb = 1", "sandbox", "image", "a\nb = 1"),
        ("SANDBOX_ALLOWED_PACKAGES", '["six", "x"]', "sandbox", "allowed_packages", ("six", "x")),
        ("SANDBOX_ALLOWED_PACKAGES", "numpy, six", "sandbox", "allowed_packages", ("numpy", "six")),
        ("SANDBOX_ALLOWED_PACKAGES", "numpy", "sandbox", "allowed_packages", ("numpy",)),
        ("SANDBOX_ALLOWED_PACKAGES", "", "sandbox", "allowed_packages", ()),
    ],
)  # fmt: skip
def test_given_a_variable_then_its_text_becomes_a_value(
    tmp_path, variable, text, section, key, value
):
    settings = load(environ=environ(tmp_path, **{f"SUPERCHARGE_{variable}": text}))

    assert getattr(getattr(settings, section), key) == value


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[serach]\ntests = 1\n", "unknown section [serach]; did you mean search?"),
        ("[x]\n", "unknown section [x]; known are: "),
        ("[search]\ncandidate = 1\n", "unknown key search.candidate; did you mean candidates?"),
        ("search = 1\n", "search must be a section: write [search] on a line of its own"),
        ("candidates = 1\n", "unknown section [candidates]"),
        ('[search]\ncandidates = "many"\n', "search.candidates = 'many': input should be a number"),
        ('[search]\ncandidates = "8"\n', "search.candidates = '8': input should be a number"),
        ("[search]\ncandidates = true\n", "search.candidates = True: input should be a number"),
        ("[search]\ncandidates = 1.5\n", "search.candidates = 1.5: "),
        ("[search]\ncandidates = [1]\n", "search.candidates = [1]: "),
        ("[model]\nmodel = 3\n", "model.model = 3: input should be a valid string"),
        ("[sandbox]\nallowed_packages = [1]\n", "sandbox.allowed_packages.0 = 1: "),
        ('[search]\nprompt_format = "x"\n', "search.prompt_format = 'x': "),
        ("[search]\ncandidates = 0\n", "search.candidates must be more than 0, not 0"),
        ("[search]\nminutes = -1\n", "search.minutes must be more than 0, not -1"),
        ("[search]\nminutes = inf\n", "search.minutes must be more than 0, not inf"),
        ("[search]\ntimeout_s = nan\n", "search.timeout_s must be more than 0, not nan"),
        ("[search]\nthreshold = 0\n", "search.threshold must be between 0 and 1, not 0"),
        ("[search]\nthreshold = 1.1\n", "search.threshold must be between 0 and 1, not 1.1"),
        ("[search]\ntemperature = 2.5\n", "search.temperature must be between 0 and 2, not 2.5"),
        ("[judge]\nweight = -0.1\n", "judge.weight must be between 0 and 1, not -0.1"),
        ('[model]\nbackend = "x"\n', "model.backend must be one of transformers, "),
        ("[scheduler]\ntick_s = 0\n", "scheduler.tick_s must be more than 0, not 0"),
        (
            "[scheduler]\nkeep_deliveries_days = 2\n",
            "scheduler.keep_deliveries_days must be more than 3, not 2",
        ),
        ("[retry]\nmax = -1\n", "retry.max must be 0 or more, not -1"),
        ("[search\n", "not valid TOML: "),
        ("[search]\ntests = 1\ntests = 2\n", "not valid TOML: "),
    ],
)  # fmt: skip
def test_given_a_file_that_cannot_be_then_one_line_names_it_and_says_why(tmp_path, text, said):
    path = written(tmp_path, text)

    with pytest.raises(BadInput) as raised:
        load(path, environ=environ(tmp_path))

    message = str(raised.value)
    assert message.startswith(f"{path}: {said}")
    assert "\n" not in message


@pytest.mark.parametrize(
    ("variable", "text", "said"),
    [
        ("SUPERCHARGE_SEARCH_TESTS", "many", "search.tests = 'many': input should be a number"),
        ("SUPERCHARGE_SEARCH_TESTS", "", "search.tests = '': input should be a number"),
        ("SUPERCHARGE_SEARCH_TESTS", "true", "search.tests = True: input should be a number"),
        ("SUPERCHARGE_SEARCH_TESTS", "-3", "search.tests must be more than 0, not -3"),
        ("SUPERCHARGE_SEARCH_TEST", "3", "unknown key search.test; did you mean tests?"),
        ("SUPERCHARGE_SANDBOX_ALLOWED_PACKAGES", "[1]", "sandbox.allowed_packages.0 = 1: "),
    ],
)
def test_given_a_variable_that_cannot_be_then_the_message_names_the_variable(
    tmp_path, variable, text, said
):
    path = written(tmp_path, "[search]\ncandidates = 5\n")

    with pytest.raises(BadInput) as raised:
        load(path, environ=environ(tmp_path, **{variable: text}))

    assert str(raised.value).startswith(f"{variable}: {said}")


def test_given_a_configuration_that_is_not_there_then_it_is_said(tmp_path):
    there = environ(tmp_path, SUPERCHARGE_CONFIG=str(tmp_path / "missing.toml"))

    with pytest.raises(BadInput, match=r"^there is no configuration file .*missing\.toml$"):
        load(environ=there)


@pytest.mark.parametrize("kind", ["folder", "bytes"])
def test_given_a_configuration_that_cannot_be_read_then_it_is_said_in_one_line(tmp_path, kind):
    path = tmp_path / "given.toml"
    if kind == "folder":
        path.mkdir()
    else:
        path.write_bytes(b"\xff\xfe\x00")

    with pytest.raises(BadInput, match=r"given\.toml: .*(directory|UTF-8)") as raised:
        load(path, environ=environ(tmp_path))
    assert "\n" not in str(raised.value)


def test_given_an_empty_variable_then_it_names_no_file(tmp_path):
    assert config_file(environ(tmp_path, SUPERCHARGE_CONFIG="")) is None


def test_pools_are_kept_in_the_users_state(tmp_path):
    assert state_dir({"XDG_STATE_HOME": "/s"}) == Path("/s/supercharge")
    assert state_dir({}) == tmp_path / "home" / ".local" / "state" / "supercharge"


def test_given_no_database_then_it_is_a_file_in_the_users_state_and_a_url_is_never_shown():
    given = DatabaseSettings("postgresql://ada:secret@somewhere/maths")

    assert DatabaseSettings().store_url({"XDG_STATE_HOME": "/s"}) == (
        "sqlite:////s/supercharge/supercharge.db"
    )
    assert given.store_url() == "postgresql://ada:secret@somewhere/maths"
    assert "secret" not in repr(Settings(database=given))


def test_given_settings_then_the_budget_has_them(tmp_path):
    path = written(tmp_path, "[search]\nminutes = 2\ncandidates = 3\n[judge]\nweight = 0.5\n")

    budget = load(path, environ=environ(tmp_path)).budget()

    assert (budget.seconds_left, budget.candidates, budget.judge_weight) == (120, 3, 0.5)


NAMED = """
[models.paid]
backend = "openai"
[models.paid.openai]
base_url = "https://api.example.com/v1"
allow_remote = true
[models.never]
[routes]
judge = "paid"
"""


def test_given_models_by_name_then_those_that_routes_name_are_in_use(tmp_path):
    settings = load(written(tmp_path, NAMED), environ=environ(tmp_path))

    assert list(settings.models_in_use) == ["", "paid"]
    assert settings.models_in_use["paid"].openai.host == "api.example.com"
    assert settings.models_in_use[""] == settings.model


def test_given_variables_then_they_reach_sections_within_sections_and_named_models(tmp_path):
    there = environ(
        tmp_path,
        SUPERCHARGE_MODEL_OPENAI_BASE_URL="http://localhost:1/v1",
        SUPERCHARGE_MODELS_PAID_MODEL="mind",
        SUPERCHARGE_MODELS_PAID_OPENAI_RETRIES="9",
        SUPERCHARGE_ROUTES_CODE="paid",
    )
    settings = load(written(tmp_path, NAMED), environ=there)

    assert settings.model.openai.base_url == "http://localhost:1/v1"
    assert settings.models["paid"].model == "mind"
    assert settings.models["paid"].openai.retries == 9
    assert settings.routes.code == "paid"


REMOTE = "is at api.example.com, and no code leaves this machine unless you allow it: set "


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('[model.openai]\nbase_url = "https://api.example.com/v1"\n',
         f"model.openai.base_url {REMOTE}model.openai.allow_remote = true"),
        ('[models.x.openai]\nbase_url = "https://api.example.com/v1"\n',
         f"models.x.openai.base_url {REMOTE}models.x.openai.allow_remote = true"),
        ("[model.openai]\nretry = 1\n", "unknown key model.openai.retry; did you mean retries?"),
        ("[model]\nopenai = 1\n", "model.openai must be a section: write [model.openai]"),
        ('[model.openai]\nretries = "x"\n', "model.openai.retries = 'x': input should be a number"),
        ('[model.openai]\nendpoint = "x"\n', "model.openai.endpoint = 'x': "),
        ("[models]\npaid = 1\n", "models are sections of their own: write [models.NAME]"),
        ("[models.paid]\nmodle = 1\n", "unknown key models.paid.modle; did you mean model?"),
        ("[models.Paid_One]\n", "[models.Paid_One]: a name has lower-case letters, digits and hyphens"),
        ("[models.paid]\n[routes]\njudge = 'pad'\n",
         "[routes] names 'pad', and there is no [models.pad]; did you mean paid?"),
    ],
)  # fmt: skip
def test_given_models_that_cannot_be_then_one_line_names_the_key(tmp_path, text, said):
    path = written(tmp_path, text)

    with pytest.raises(BadInput) as raised:
        load(path, environ=environ(tmp_path))

    message = str(raised.value)
    assert message.startswith(f"{path}: {said}")
    assert "\n" not in message
