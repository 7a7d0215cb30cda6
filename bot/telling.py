"""The last word on a request: what became of it, told once, with a reaction and a label."""

from __future__ import annotations

import logging
from dataclasses import dataclass

from bot import replies
from bot.forge.base import Reaction, Target, TargetKind
from bot.forge.errors import ForgeError, Unavailable
from bot.proof import Counts, Proof, Tried, proof_of
from bot.requests import Request, RequestStatus, TriggerKind
from bot.said import Thread
from bot.services import Services
from bot.statusboard import StatusBoard
from engine.candidates import Pool
from engine.search import Solution
from engine.selection import choose

logger = logging.getLogger(__name__)

LABEL_FAILED = "supercharge:failed"
LABEL_RUNNING = "supercharge:running"

_REACTIONS = {
    RequestStatus.PR_OPENED: Reaction.ROCKET,
    RequestStatus.ANSWERED: Reaction.ROCKET,
    RequestStatus.EXHAUSTED: Reaction.CONFUSED,
    RequestStatus.FAILED: Reaction.CONFUSED,
    RequestStatus.REFUSED: Reaction.THUMBS_DOWN,
}


@dataclass(frozen=True, slots=True)
class Teller:
    """Says what became of requests."""

    services: Services

    def tell(self, request: Request) -> None:
        """Bring the status comment up to date, and say the last word where there is one to say.

        Repeats are fine. Raises Unavailable and StoreUnavailable: then the words are still owed.
        """
        request = self.services.store.get_request(request.id)
        StatusBoard(self.services, request).show()
        if request.status.is_end and request.told is not request.status:
            # How often it changed tells one end from the same end after a retry.
            changes = len(self.services.store.history(request.id))
            thread = Thread(self.services, request.repository, request.subject.number)
            thread.say(
                self._last_word(request), key=f"{request.id} {changes}", request_id=request.id
            )
            if request.status in _REACTIONS:
                thread.react(_trigger(request), _REACTIONS[request.status])
            self._label(request)
        if request.told is not request.status:
            self.services.store.update_request(request.id, told=request.status)

    def explanation(self, request: Request) -> str:
        """Why this code was chosen, or how far it came."""
        pool = self._pool(request)
        solution = self.services.store.load_solution(request.id, pool)
        if solution is None:
            return replies.explain_unsolved(
                request.path, request.qualname, self._tried(request, pool)
            )
        return replies.explain(request.path, request.qualname, self._proof(request, solution))

    def _last_word(self, request: Request) -> str:
        path, name = request.path, request.qualname
        match request.status:
            case RequestStatus.PR_OPENED | RequestStatus.ANSWERED:
                return self._solved(request)
            case RequestStatus.EXHAUSTED:
                tried = self._tried(request, self._pool(request))
                return replies.not_solved(path, name, tried, attempts=request.attempts)
            case RequestStatus.CANCELLED:
                return replies.cancelled(path, name, by=request.reason or request.requester)
            case RequestStatus.REFUSED:
                return request.reason
        return replies.internal_error(path, name, error_id=request.error_id or request.id)

    def _solved(self, request: Request) -> str:
        pool = self._pool(request)
        solution = self.services.store.load_solution(request.id, pool)
        if solution is None:
            raise RuntimeError(f"{request.id} is {request.status.value} without a solution")
        proof = self._proof(request, solution)
        path, name = request.path, request.qualname
        if (
            request.status is RequestStatus.PR_OPENED
            and request.subject.number == request.pull_number
        ):
            return replies.improved(path, name, proof)
        if request.status is RequestStatus.PR_OPENED:
            return replies.solved(path, name, proof, pull_number=request.pull_number or 0)
        if request.options.dry_run:
            return replies.dry_run(path, name, proof)
        return replies.fork_offer(path, name, proof)

    def _proof(self, request: Request, solution: Solution) -> Proof:
        weight = self.services.settings.judge.weight
        return proof_of(solution, threshold=self._threshold(request), judge_weight=weight)

    def _tried(self, request: Request, pool: Pool) -> Tried:
        best = choose(pool, min_asserts=self.services.settings.search.min_asserts)
        return Tried(
            counts=Counts.of(pool),
            threshold=self._threshold(request),
            best=best,
            nearest=pool.candidates[best.code_id].source if best else "",
        )

    def _threshold(self, request: Request) -> float:
        return request.options.threshold or self.services.settings.search.threshold

    def _pool(self, request: Request) -> Pool:
        return self.services.store.load_pool(request.pool_id) if request.pool_id else Pool()

    def _label(self, request: Request) -> None:
        forge, number = self.services.forge, request.subject.number
        try:
            if request.status in (RequestStatus.EXHAUSTED, RequestStatus.FAILED):
                forge.add_labels(request.repository, number, (LABEL_FAILED,))
            else:
                forge.remove_label(request.repository, number, LABEL_FAILED)
            forge.remove_label(request.repository, number, LABEL_RUNNING)
        except Unavailable:
            raise
        except ForgeError as error:
            logger.warning("no label for %s: %s", request.id, error)


def _trigger(request: Request) -> Target:
    """What a reaction goes on: the comment that asked, or the issue or pull request itself."""
    match request.trigger.kind:
        case TriggerKind.ISSUE_COMMENT:
            return Target(TargetKind.ISSUE_COMMENT, int(request.trigger.id))
        case TriggerKind.REVIEW_COMMENT:
            return Target(TargetKind.REVIEW_COMMENT, int(request.trigger.id))
    return Target(TargetKind.ISSUE, request.subject.number)
