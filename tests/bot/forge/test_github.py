"""What the client does when GitHub says no, says nothing, or says something odd."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.forge.base import (
    Conflict,
    Forbidden,
    ForgeError,
    Invalid,
    NewCommit,
    NotFound,
    Permission,
    RateLimited,
    Reaction,
    Target,
    TargetKind,
    Unauthorized,
    Unavailable,
)
from bot.forge.checkout import checkout
from bot.forge.errors import redact
from bot.forge.fake import FaultKind, LoopbackGitHub
from bot.forge.fake.keys import new_key
from bot.forge.fake.rest import Exchange
from bot.forge.github import open_github
from bot.forge.github.answers import Answer, issue, permission, pull_request
from bot.forge.github.credentials import PERMISSIONS, AppCredential
from bot.forge.github.transport import Response, Transport, failure
from bot.forge.settings import GitHubSettings
from engine.errors import BadInput, PartUnavailable
from tests.bot.forge.scenes import REPO, Opens

NOW = 1_800_000_000.0


# -- what an answer stands for ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (301, NotFound), (307, NotFound), (400, Invalid), (401, Unauthorized), (403, Forbidden),
        (404, NotFound), (408, Unavailable), (409, Conflict), (410, NotFound), (422, Invalid),
        (429, RateLimited), (500, Unavailable), (502, Unavailable), (503, Unavailable),
    ],
)  # fmt: skip
def test_a_status_stands_for_an_error(status: int, kind: type[ForgeError]) -> None:
    error = failure(Response(status, {}, {"message": "No."}, "GET /x"), now=NOW)
    assert type(error) is kind
    assert str(error) == "GET /x: No."
    assert isinstance(error, PartUnavailable) == issubclass(kind, Unavailable)


@pytest.mark.parametrize(
    ("status", "headers", "message", "wait"),
    [
        (403, {"retry-after": "17"}, "You have exceeded a secondary rate limit.", 17),
        (429, {"retry-after": "17"}, "", 17),
        (429, {"retry-after": "Wed, 21 Oct 2026 07:28:00 GMT"}, "", 60),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) + 90)}, "", 90),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": str(int(NOW) - 9)}, "", 1),
        (403, {"x-ratelimit-remaining": "0", "x-ratelimit-reset": "soon"}, "", 60),
        (403, {"x-ratelimit-remaining": "12"}, "You have exceeded a secondary rate limit", 60),
        (403, {"retry-after": "0"}, "", 1),
    ],
)
def test_a_limit_says_how_long_to_wait(
    status: int, headers: dict[str, str], message: str, wait: float
) -> None:
    error = failure(Response(status, headers, {"message": message}, "GET /x"), now=NOW)
    assert isinstance(error, RateLimited)
    assert error.retry_after_s == wait


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (None, "GET /x: GitHub answered 422"),
        ([], "GET /x: GitHub answered 422"),
        ({"message": "Validation Failed", "errors": []}, "GET /x: Validation Failed"),
        (
            {"message": "Validation Failed", "errors": [{"field": "head", "code": "invalid"}]},
            "GET /x: Validation Failed: head invalid",
        ),
        (
            {"message": "Validation Failed", "errors": [{"message": "already\nexists"}]},
            "GET /x: Validation Failed: already exists",
        ),
        ({"message": "No", "errors": ["plain"]}, "GET /x: No: plain"),
        ({"message": 7, "errors": "x"}, "GET /x: 7"),
    ],
)
def test_the_error_is_one_line_of_githubs_words(body: object, words: str) -> None:
    assert str(failure(Response(422, {}, body, "GET /x"), now=NOW)) == words


@settings(deadline=None)
@given(st.text(), st.integers(300, 599), st.dictionaries(st.text(), st.text()))
def test_whatever_the_answer_there_is_one_line(
    text: str, status: int, headers: dict[str, str]
) -> None:
    error = failure(Response(status, headers, {"message": text}, "GET /x"), now=NOW)
    assert len(str(error).splitlines()) == 1
    assert len(str(error)) <= 401


# -- tokens ------------------------------------------------------------------------------------------


TOKENS = [
    "ghp_" + "a1B2" * 9, "ghs_" + "c3" * 18, "gho_abcdef123", "github_pat_11ABC_" + "x" * 30,
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0.c2lnbmF0dXJl", "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiIxIn0",
    "Bearer abcdefgh1234", "Basic eC1hY2Nlc3M6c2VjcmV0",
    "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----",
    "-----BEGIN PRIVATE KEY-----\nMIIE and it is cut",
]  # fmt: skip


@settings(deadline=None)
@given(st.sampled_from(TOKENS), st.text(alphabet=" .,:;\n'\"()"), st.text(alphabet=" .,:;\n'\"()"))
def test_nothing_of_a_tokens_shape_is_left_in_an_error(token: str, before: str, after: str) -> None:
    secret = token.split()[-1] if token.startswith(("B", "b")) else token
    for text in (redact(before + token + after), str(NotFound(before + token + after))):
        assert secret not in text
        assert "MIIE" not in text
        assert "[redacted]" in text


def test_a_credential_in_a_url_is_redacted() -> None:
    assert redact("fatal: https://bot:hunter2@github.com/a/b") == (
        "fatal: https://[redacted]@github.com/a/b"
    )


@settings(deadline=None)
@given(st.text())
def test_redaction_ends_and_is_stable(text: str) -> None:
    assert redact(redact(text)) == redact(text)


def test_settings_never_show_their_token() -> None:
    assert "ghp_" not in repr(GitHubSettings(token="ghp_secret1234"))


# -- settings ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"base_url": "github.com"}, "base_url must be like"),
        ({"base_url": "https://u:p@ghe/api/v3"}, "no credentials"),
        ({"base_url": "http://ghe.example/api/v3"}, "must be https"),
        ({"base_url": "http://140.82.112.5/api/v3"}, "must be https"),
        ({"timeout_s": 0}, "timeout_s"),
        ({"retries": 11}, "retries"),
        ({"token": "x", "app_id": 1, "app_key_file": Path("k")}, "exclude each other"),
        ({"app_id": 1}, "go together"),
        ({"app_key_file": Path("k")}, "go together"),
        ({"app_id": -1, "app_key_file": Path("k")}, "app_id"),
    ],
)
def test_settings_that_cannot_be_are_refused(wrong: dict[str, object], words: str) -> None:
    with pytest.raises(BadInput, match=words):
        GitHubSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "url",
    ["https://api.github.com", "https://ghe.example/api/v3/", "http://127.0.0.1:8080", "http://[::1]:1",
     "http://localhost:3000/api/v3", "http://forge:8080", "http://10.0.0.7/api/v3"],
)  # fmt: skip
def test_plain_http_is_for_what_is_near(url: str) -> None:
    assert GitHubSettings(base_url=url).base_url == url


def test_without_a_credential_nothing_is_opened(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="SUPERCHARGE_GITHUB_TOKEN"):
        open_github(GitHubSettings())
    with pytest.raises(BadInput, match="app_key_file"):
        open_github(GitHubSettings(app_id=1, app_key_file=tmp_path / "none.pem"))
    (tmp_path / "no.pem").write_text("no key", encoding="ascii")
    with pytest.raises(BadInput, match="not an RSA private key"):
        open_github(GitHubSettings(app_id=1, app_key_file=tmp_path / "no.pem"))
    with pytest.raises(BadInput, match="no token has"):
        open_github(GitHubSettings(token="two words"))


# -- answers
# ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "role"),
    [
        ({"permission": "admin", "role_name": "admin"}, Permission.ADMIN),
        ({"permission": "write", "role_name": "maintain"}, Permission.MAINTAIN),
        ({"permission": "read", "role_name": "triage"}, Permission.TRIAGE),
        ({"permission": "write", "role_name": "our-own-role"}, Permission.WRITE),
        ({"permission": "write"}, Permission.WRITE),
        ({"permission": "none", "role_name": "admin"}, Permission.NONE),
        ({"permission": "read", "role_name": "write"}, Permission.READ),
        ({"permission": "owner", "role_name": "owner"}, Permission.NONE),
        ({"permission": None, "role_name": None}, Permission.NONE),
        ({"permission": 5, "role_name": ["admin"]}, Permission.NONE),
        ({}, Permission.NONE),
    ],
)
def test_a_role_is_believed_only_as_far_as_the_old_word_goes(
    answer: dict[str, object], role: Permission
) -> None:
    assert permission(Answer(answer, "GET /x")) is role


@settings(deadline=None)
@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(), lambda inner: (
    st.lists(inner, max_size=3) | st.dictionaries(
        st.sampled_from(["number", "state", "head", "base", "ref", "sha", "repo", "full_name", "user",
                         "login", "id", "title"]), inner, max_size=6)), max_leaves=20))  # fmt: skip
def test_any_json_is_a_pull_request_or_unavailable(value: object) -> None:
    with suppress(Unavailable):
        assert isinstance(pull_request(Answer.of(value, "GET /x")).head.sha, str)


# -- GitHub misbehaves
# -----------------------------------------------------------------------------------


def test_given_github_is_down_for_a_moment_then_a_safe_call_is_tried_again(
    github: LoopbackGitHub, opened: Opens
) -> None:
    forge = opened("token", retries=2)
    github.faults.plan(FaultKind.SERVER_ERROR, times=2)
    assert forge.repository(REPO).full_name == REPO


def test_given_github_stays_down_then_the_tries_end(github: LoopbackGitHub, opened: Opens) -> None:
    forge = opened("token", retries=2)
    github.faults.plan(FaultKind.SERVER_ERROR, times=9)
    with pytest.raises(Unavailable):
        forge.repository(REPO)
    assert github.rest.used == 3


def test_a_call_that_is_not_safe_to_repeat_is_made_once(
    github: LoopbackGitHub, opened: Opens
) -> None:
    forge = opened("token", retries=2)
    number = github.open_issue(REPO, "Fill", by="alice")
    github.faults.plan(FaultKind.LOST_ANSWER, method="POST", times=9)
    with pytest.raises(Unavailable):
        forge.create_comment(REPO, number, "On it.")
    assert len(github.comments(REPO, number)) == 1


def test_what_goes_by_its_content_is_safe_to_repeat(github: LoopbackGitHub, opened: Opens) -> None:
    forge = opened("token", retries=2)
    number = github.open_issue(REPO, "Fill", by="alice")
    asked = github.comment(REPO, number, "/supercharge", by="alice")
    for path in (r"/git/blobs$", r"/git/trees$", r"/git/commits$", r"/reactions$", r"/labels$"):
        github.faults.plan(FaultKind.LOST_ANSWER, method="POST", path=path)
        github.faults.plan(FaultKind.SERVER_ERROR, method="POST", path=path)

    forge.react(REPO, Target(TargetKind.ISSUE_COMMENT, asked), Reaction.EYES)
    forge.add_labels(REPO, number, ("busy",))
    main = forge.branch_sha(REPO, "main")
    assert main is not None
    made = forge.commit(REPO, NewCommit("new", main, "Change", {"a.txt": b"a"}))

    assert github.reactions(REPO, asked) == ["eyes"]
    assert [label.name for label in github.issue(REPO, number).labels] == ["busy"]
    assert github.repo(REPO).git.commits("main", "new") == 1
    assert forge.branch_sha(REPO, "new") == made


def test_an_edit_is_safe_to_repeat(github: LoopbackGitHub, opened: Opens) -> None:
    forge = opened("token", retries=2)
    number = github.open_issue(REPO, "Fill", by="alice")
    made = forge.create_comment(REPO, number, "On it.")
    github.faults.plan(FaultKind.LOST_ANSWER, method="PATCH")
    assert forge.edit_comment(REPO, made.id, "Done.").body == "Done."


@pytest.mark.parametrize("limit", [FaultKind.SECONDARY_LIMIT, FaultKind.PRIMARY_LIMIT])
def test_a_limit_is_told_at_once_and_not_waited_for(
    github: LoopbackGitHub, opened: Opens, limit: FaultKind
) -> None:
    forge = opened("token", retries=2)
    github.faults.plan(limit, times=9, retry_after_s=3600)
    with pytest.raises(RateLimited) as caught:
        forge.repository(REPO)
    assert 3000 < caught.value.retry_after_s <= 3600
    assert github.rest.used == 1


def test_given_no_answer_in_time_then_it_is_unavailable(
    github: LoopbackGitHub, opened: Opens
) -> None:
    forge = opened("token", timeout_s=1)
    github.faults.plan(FaultKind.HANG)
    with pytest.raises(Unavailable, match="in time"):
        forge.repository(REPO)


def test_given_nobody_listens_then_it_is_unavailable(tmp_path: Path) -> None:
    with LoopbackGitHub(tmp_path) as gone:
        url, token = gone.api, gone.token("bot")
    with (
        open_github(GitHubSettings(base_url=url, token=token, retries=0)) as forge,
        pytest.raises(Unavailable, match="cannot be reached: Failed to establish"),
    ):
        forge.me()


@contextmanager
def answering(body: bytes, **headers: str) -> Iterator[str]:
    """Somebody who answers everything alike, and is not GitHub."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(int(headers.get("status", "200")))
            for name, value in headers.items():
                if name != "status":
                    self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    "body", [b"<html>Sign in</html>", b"", b"null", b"7", b"[7]", b'{"login": 1}', b"{", b"\xff{"]
)
@pytest.mark.parametrize("ask", ["me", "repository", "comments"])
def test_given_somebody_else_answers_then_it_is_unavailable_in_one_line(
    body: bytes, ask: str
) -> None:
    arguments = {"me": (), "repository": (REPO,), "comments": (REPO, 1)}[ask]
    with (
        answering(body) as url,
        open_github(GitHubSettings(base_url=url, token="ghp_secret", retries=0)) as forge,
        pytest.raises(Unavailable) as caught,
    ):
        getattr(forge, ask)(*arguments)
    assert len(str(caught.value).splitlines()) == 1


def test_a_label_can_be_a_bare_name() -> None:
    said = {"number": 1, "state": "open", "created_at": "2026-01-02T03:04:05Z"}
    labels = ["a", {"name": "b"}, {"name": None}, None, 7]
    found = issue(Answer({**said, "labels": labels}, "GET /x"))
    assert found.labels == ("a", "b")


def test_a_redirection_elsewhere_is_not_followed() -> None:
    with answering(b"{}", status="301", Location="http://elsewhere.example/user") as url:
        wanted = GitHubSettings(base_url=url, token="ghp_secret", retries=0)
        with open_github(wanted) as forge, pytest.raises(ForgeError, match="redirected"):
            forge.me()


def test_a_list_that_points_back_at_itself_ends() -> None:
    link = '<http://elsewhere.example/again>; rel="next"'
    with (
        answering(b"[]", Link=link) as url,
        open_github(GitHubSettings(base_url=url, token="ghp_secret", retries=0)) as forge,
    ):
        assert forge.comments(REPO, 1) == ()


def test_every_request_names_the_version_of_the_api_that_it_speaks(
    github: LoopbackGitHub, opened: Opens
) -> None:
    seen: list[Exchange] = []
    github.observe(seen.append)
    opened("app").branch_sha(REPO, "main")
    assert len(seen) == 3
    assert {e.request.headers.get("x-github-api-version") for e in seen} == {"2022-11-28"}
    assert {e.request.headers.get("user-agent") for e in seen} == {"supercharge-bot"}


def test_several_threads_can_ask_at_once(github: LoopbackGitHub, opened: Opens) -> None:
    forge = opened("token")
    numbers = [github.open_issue(REPO, f"Issue {n}", by="alice") for n in range(4)]
    wrong: list[int] = []

    def ask(number: int) -> None:
        wrong.extend(number for _ in range(5) if forge.issue(REPO, number).number != number)

    threads = [threading.Thread(target=ask, args=(number,)) for number in numbers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


# -- credentials
# -----------------------------------------------------------------------------------------


def test_a_wrong_token_is_unauthorized(github: LoopbackGitHub, opened: Opens) -> None:
    with pytest.raises(Unauthorized) as caught:
        opened("token", token="ghp_wrong").repository(REPO)
    assert "doctor" in caught.value.remedy


def test_a_revoked_token_cannot_check_out(
    github: LoopbackGitHub, opened: Opens, tmp_path: Path
) -> None:
    forge = opened("token")
    sha = forge.branch_sha(REPO, "main")
    url = f"{github.url}/{REPO}.git"
    assert sha is not None
    with pytest.raises(Unauthorized):
        checkout(url, sha, tmp_path / "tree", token="ghp_wrong1234", only_https=False)


def test_a_checkout_shows_its_token_neither_in_arguments_nor_in_what_it_leaves(
    github: LoopbackGitHub, opened: Opens, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    token = github.token("supercharge-bot")
    spy = tmp_path / "bin" / "git"
    spy.parent.mkdir()
    spy.write_text(
        f'#!/bin/sh\necho "$@" >> {tmp_path}/arguments\nenv >> {tmp_path}/environment\n'
        f"PATH=${{PATH#*:}} exec git \"$@\"\n", encoding="ascii"
    )  # fmt: skip
    spy.chmod(0o755)
    monkeypatch.setenv("PATH", f"{spy.parent}:/usr/bin:/bin")
    monkeypatch.setenv("SUPERCHARGE_GITHUB_TOKEN", "ghp_of_the_bot")
    forge = opened("token", token=token)
    sha = forge.branch_sha(REPO, "main")
    assert sha is not None
    forge.checkout(REPO, sha, tmp_path / "tree")

    arguments = (tmp_path / "arguments").read_text(encoding="utf-8")
    assert "fetch" in arguments
    assert token not in arguments
    assert "Basic" not in arguments
    assert "ghp_of_the_bot" not in (tmp_path / "environment").read_text(encoding="utf-8")
    left = [p for p in (tmp_path / "tree").rglob("*") if p.is_file()]
    assert left
    assert not any(token.encode() in path.read_bytes() for path in left)


def test_a_clone_url_in_the_clear_gets_no_token(tmp_path: Path) -> None:
    with pytest.raises(Unavailable, match="not https"):
        checkout("http://ghe/o/r.git", "1" * 40, tmp_path, token="ghp_x", only_https=True)


def test_without_git_the_checkout_names_the_remedy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(Unavailable) as caught:
        checkout("https://ghe/o/r.git", "1" * 40, tmp_path / "t", token="x", only_https=True)
    assert caught.value.remedy == "apt-get install git"


def test_a_checkout_that_does_not_end_is_given_up(github: LoopbackGitHub, tmp_path: Path) -> None:
    url = f"{github.url}/{REPO}.git"
    with pytest.raises(Unavailable, match="no end"):
        checkout(url, "1" * 40, tmp_path / "t", token="x", only_https=False, timeout_s=0.0001)


def test_given_nobody_listens_then_the_checkout_is_unavailable(tmp_path: Path) -> None:
    with LoopbackGitHub(tmp_path / "github") as gone:
        url = f"{gone.url}/{REPO}.git"
    with pytest.raises(Unavailable, match="git fetch"):
        checkout(url, "1" * 40, tmp_path / "t", token="x", only_https=False)


def test_an_app_asks_for_one_repository_and_no_more_than_it_needs(
    github: LoopbackGitHub, opened: Opens
) -> None:
    github.repository("octo/other", {"a": "1"}, private=True)
    forge = opened("app")
    [installation] = github.world.installations.values()
    installation.repositories.append(github.world.repositories["octo/other"])
    installation.permissions["workflows"] = "write"
    forge.branch_sha(REPO, "main")
    [token] = [t for t in github.world.tokens.values() if t.installation is installation]
    assert [repo.full_name for repo in token.repositories] == [REPO]
    assert dict(token.permissions) == dict(PERMISSIONS)


def test_given_many_threads_then_a_repositorys_token_is_asked_for_once(
    github: LoopbackGitHub, opened: Opens
) -> None:
    forge = opened("app")
    threads = [threading.Thread(target=forge.branch_sha, args=(REPO, "main")) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sum(token.installation is not None for token in github.world.tokens.values()) == 1


def test_given_the_app_is_not_installed_there_then_it_says_so(
    github: LoopbackGitHub, opened: Opens
) -> None:
    github.repository("octo/other", {"a": "1"})
    with pytest.raises(NotFound, match="the App is not installed on octo/other"):
        opened("app").repository("octo/other")


def test_given_the_app_is_installed_nowhere_then_it_says_so(
    github: LoopbackGitHub, opened: Opens
) -> None:
    forge = opened("app")
    github.uninstall(next(iter(github.world.installations.values())))
    assert forge.repositories() == ()
    with pytest.raises(NotFound, match="installed nowhere"):
        forge.me()


def test_given_another_key_then_the_app_is_unauthorized(
    github: LoopbackGitHub, opened: Opens, tmp_path: Path
) -> None:
    forge = opened("app")
    (tmp_path / "other.pem").write_text(new_key()[0], encoding="ascii")
    [app] = github.world.apps.values()
    wanted = GitHubSettings(
        base_url=github.api, app_id=app.id, app_key_file=tmp_path / "other.pem", retries=0
    )
    with open_github(wanted) as other, pytest.raises(Unauthorized):
        other.repository(REPO)
    assert forge.repository(REPO).full_name == REPO


def test_given_an_app_that_github_does_not_know_then_it_is_unauthorized(
    github: LoopbackGitHub, opened: Opens
) -> None:
    forge = opened("app", app_id=7)
    for ask in (forge.me, forge.repositories, lambda: forge.repository(REPO)):
        with pytest.raises(Unauthorized, match="Integration not found"):
            ask()


def test_given_an_installation_token_was_revoked_then_another_is_made(
    github: LoopbackGitHub, opened: Opens
) -> None:
    forge = opened("app")
    forge.branch_sha(REPO, "main")
    for value in [v for v, t in github.world.tokens.items() if t.installation]:
        github.revoke(value)
    assert forge.branch_sha(REPO, "main") is not None
    for value in [v for v, t in github.world.tokens.items() if t.installation]:
        github.revoke(value)
    assert forge.repository(REPO).full_name == REPO


def test_given_the_app_is_suspended_then_it_is_forbidden(
    github: LoopbackGitHub, opened: Opens
) -> None:
    forge = opened("app")
    [installation] = github.world.installations.values()
    installation.suspended_at = github.world.now()
    with pytest.raises(Forbidden, match="suspended"):
        forge.repository(REPO)


@pytest.mark.parametrize(("minutes", "tokens"), [(10, 1), (54, 1), (56, 2), (70, 2)])
def test_a_token_is_replaced_before_its_hour_is_over(
    github: LoopbackGitHub, keys: tuple[str, str], minutes: int, tokens: int
) -> None:
    now = [datetime.now(UTC)]
    app = github.app("supercharge", on=[REPO], keys=keys)
    transport = Transport(GitHubSettings(base_url=github.api, retries=0))
    credential = AppCredential(app.id, app.key, transport, clock=lambda: now[0].timestamp())
    first = credential.auth(REPO).token
    now[0] += timedelta(minutes=minutes)
    second = credential.auth("Octo/Calc").token
    transport.close()
    assert len({first, second}) == tokens


# -- deliveries
# ------------------------------------------------------------------------------------------


def test_missed_deliveries_are_listed_and_made_again_under_their_guid(
    github: LoopbackGitHub, tmp_path: Path, keys: tuple[str, str]
) -> None:
    with answering(b"ok") as url:
        app = github.app("supercharge", on=[REPO], keys=keys, hook_url=url, secret="s")
        (tmp_path / "k.pem").write_text(app.key, encoding="ascii")
        wanted = GitHubSettings(
            base_url=github.api, app_id=app.id, app_key_file=tmp_path / "k.pem", retries=0
        )
        before = datetime.now(UTC) - timedelta(minutes=1)
        github.faults.drop_deliveries = True
        number = github.open_issue(REPO, "Fill", by="alice")
        for n in range(120):
            github.comment(REPO, number, f"{n}", by="alice")
        github.faults.clear()
        with open_github(wanted) as forge:
            found = forge.deliveries(before)
            assert len(found) == 122
            assert not any(delivery.ok or delivery.redelivery for delivery in found)
            assert (found[0].event, found[0].action) == ("issue_comment", "created")
            assert [delivery.event for delivery in found[-2:]] == ["issues", "installation"]
            forge.redeliver(found[0].id)
            github.wait_delivered()
            newest = forge.deliveries(before)[0]
            assert (newest.guid, newest.redelivery) == (found[0].guid, True)
            assert newest.status_code == 501
            assert forge.deliveries(datetime.now(UTC) + timedelta(minutes=1)) == ()
