from __future__ import annotations

import hashlib
import hmac

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webhooks.signature import BadSignature, NoSecret, Verifier, sign

BODY = b'{"zen": "Keep it logically awesome."}'


def test_githubs_own_example_is_signed_as_github_documents_it() -> None:
    signature = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert sign("It's a Secret to Everybody", b"Hello, World!") == signature
    Verifier(["It's a Secret to Everybody"]).verify(b"Hello, World!", signature)


@given(st.binary(max_size=300), st.text(min_size=1).filter(lambda s: s.strip() and _encodes(s)))
def test_what_was_signed_with_the_secret_is_accepted(body: bytes, secret: str) -> None:
    Verifier([secret]).verify(body, sign(secret, body))


@given(st.binary(max_size=100), st.integers(min_value=0), st.integers(1, 255))
def test_one_changed_byte_is_refused(body: bytes, position: int, change: int) -> None:
    changed = bytearray(body or b"x")
    changed[position % len(changed)] ^= change
    with pytest.raises(BadSignature, match="does not fit"):
        Verifier(["s3cret"]).verify(bytes(changed), sign("s3cret", body or b"x"))


def test_while_a_secret_is_replaced_both_are_good_and_then_the_old_one_is_not() -> None:
    rotating = Verifier(["new", "old"])
    rotating.verify(BODY, sign("old", BODY))
    rotating.verify(BODY, sign("new", BODY))
    with pytest.raises(BadSignature):
        Verifier(["new"]).verify(BODY, sign("old", BODY))


@pytest.mark.parametrize(
    "secrets", [[], [""], ["  \n"], ["good", ""], ["", "good"], ["a", "b", "c"], ""]
)
def test_without_a_secret_there_is_no_verifier(secrets: list[str]) -> None:
    with pytest.raises(NoSecret):
        Verifier(secrets)


def test_the_digest_may_be_written_in_capitals() -> None:
    Verifier(["s"]).verify(BODY, "sha256=" + sign("s", BODY)[7:].upper())


@pytest.mark.parametrize(
    "header",
    [
        "",
        "sha256=",
        "sha256=00",
        "sha1=" + hmac.new(b"s", BODY, hashlib.sha1).hexdigest(),
        hmac.new(b"s", BODY, hashlib.sha256).hexdigest(),
        "sha256=" + "g" * 64,
        "sha256=" + "٣" * 64,
        "sha256=" + "0" * 65,
        sign("s", BODY) + ", " + sign("s", BODY),
        "é" * 71,
    ],
)
def test_a_header_that_is_no_signature_is_refused(header: str) -> None:
    with pytest.raises(BadSignature, match="must be sha256="):
        Verifier(["s"]).verify(BODY, header)


@given(st.text())
def test_any_text_as_a_header_is_refused_and_nothing_else(header: str) -> None:
    with pytest.raises(BadSignature):
        Verifier(["s"]).verify(BODY, header)


def test_a_missing_header_is_named() -> None:
    with pytest.raises(BadSignature, match="X-Hub-Signature-256 is missing"):
        Verifier(["s"]).verify(BODY, None)


def test_the_secret_does_not_show() -> None:
    assert "hunter2" not in repr(Verifier(["hunter2"]))


def _encodes(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
