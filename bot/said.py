"""What the bot says on GitHub: each thing once, however often the work around it is repeated."""

from __future__ import annotations

import hashlib
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from bot.forge.base import Comment, Reaction, Target
from bot.forge.errors import ForgeError, Unavailable
from bot.services import Services

logger = logging.getLogger(__name__)

_CLOCKS_DIFFER = timedelta(minutes=10)


class BeingDone(Unavailable):
    """Somebody else is doing this very thing right now, or died over it a moment ago."""

    def __init__(self, key: str) -> None:
        super().__init__(f"{key}: somebody else is at it")


def once(
    services: Services,
    key: str,
    do: Callable[[], str],
    find: Callable[[], str | None],
    *,
    request_id: str | None = None,
) -> str:
    """Do something outside once, and return what came of it.

    `find` looks for it where a first try may have done it without living to tell. Raises BeingDone, and
    what `do` and `find` raise: then it is tried again with the next repetition.
    """
    store = services.store
    known = store.begin_effect(key, request_id)
    if known is not None and known.done_at is not None:
        return known.value
    try:
        value = None
        if known is not None:
            # After so long without an end, whoever began it is taken to have died over it.
            if not store.retake_effect(key, older_than_s=services.settings.worker.lease_s):
                raise BeingDone(key)
            value = find()
        if value is None:
            value = do()
    except ForgeError as error:
        if not isinstance(error, BeingDone):
            store.put_back_effect(key)
        raise
    store.finish_effect(key, value)
    return value


@dataclass(frozen=True, slots=True)
class Thread:
    """Where a comment goes: below an issue or a pull request."""

    services: Services
    repository: str
    number: int

    def say(self, body: str, *, key: str, request_id: str | None = None) -> int:
        """Comment, once for this `key`; the comment's id. Raises ForgeError."""
        mark = marker(key)

        def do() -> str:
            forge = self.services.forge
            return str(forge.create_comment(self.repository, self.number, f"{body}\n\n{mark}").id)

        def find() -> str | None:
            found = self.own_with(mark)
            return str(found.id) if found else None

        return int(once(self.services, f"comment {key}", do, find, request_id=request_id))

    def react(self, target: Target, reaction: Reaction) -> None:
        """React; one that is refused is no reason to stop, since words follow. Raises Unavailable."""
        try:
            self.services.forge.react(self.repository, target, reaction)
        except Unavailable:
            raise
        except ForgeError as error:
            logger.warning("no reaction in %s: %s", self.repository, error)

    def own_with(self, mark: str) -> Comment | None:
        """Our own comment of the last day that has this hidden line."""
        me = self.services.forge.me().id
        since = self.services.clock() - _CLOCKS_DIFFER - timedelta(days=1)
        comments = self.services.forge.comments(self.repository, self.number, since=since)
        return next(
            (c for c in comments if mark in c.body and c.author and c.author.id == me), None
        )


def marker(key: str) -> str:
    """The hidden line by which a comment of ours is found again."""
    return f"<!-- supercharge:said {hashlib.sha256(key.encode()).hexdigest()[:20]} -->"
