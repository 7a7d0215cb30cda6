"""Where a server may be, and what has to be said about one that is elsewhere or costs money."""

import pytest

from engine.errors import BadInput
from engine.llm.openai.settings import OpenAISettings, is_loopback


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "127.8.9.1", "::1", "::ffff:127.0.0.1"])
def test_this_machine_is_told_by_its_names(host):
    bracketed = f"[{host}]" if ":" in host else host
    assert is_loopback(host) is not host.startswith("::ffff") or is_loopback(host)
    if is_loopback(host):
        assert not OpenAISettings(base_url=f"http://{bracketed}:8000/v1").is_remote


@pytest.mark.parametrize(
    "url",
    [
        "https://api.openai.com/v1",
        "http://10.0.0.7:8000/v1",
        "http://localhost.example.com/v1",
        "http://127.0.0.1.example.com/v1",
        "http://0.0.0.0:8000/v1",
        "http://2130706433/v1",
        "http://[fe80::1]/v1",
    ],
)
def test_no_code_leaves_this_machine_unless_that_is_allowed(url):
    with pytest.raises(BadInput, match=r"set model\.openai\.allow_remote = true$") as raised:
        OpenAISettings(base_url=url)
    assert "\n" not in str(raised.value)

    assert OpenAISettings(base_url=url, allow_remote=True).is_remote


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"base_url": "localhost:8000"}, "must be like http://127.0.0.1:8000/v1"),
        ({"base_url": "ftp://localhost"}, "must be like http://127.0.0.1:8000/v1"),
        ({"base_url": "http://localhost:99999/v1"}, "is no URL"),
        ({"base_url": "http://ada:pw@localhost/v1"}, "must hold no credentials"),
        ({"retries": -1}, "retries must be at least 0, not -1"),
        ({"timeout_s": 0}, "timeout_s must be more than 0"),
        ({"concurrency": 0}, "concurrency must be between 1 and 1024"),
        ({"daily_cap": float("inf")}, "daily_cap must be at least 0"),
        ({"completion_price": 2.0}, "daily_cap is needed with a price"),
    ],
)
def test_what_cannot_be_is_refused_in_one_line(wrong, said):
    with pytest.raises(BadInput, match=rf"^model\.openai\.\w+ .*{said}|{said}") as raised:
        OpenAISettings(**wrong)
    assert "pw" not in str(raised.value).split()
