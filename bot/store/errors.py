"""What a store raises besides BadInput and IllegalTransition."""

from __future__ import annotations

from engine.errors import BadInput, PartUnavailable, SuperchargeError


class StoreUnavailable(PartUnavailable):
    """The database does not answer, is locked for too long, or its disk is full.

    Nothing was changed by the call that raised it, or, where the connection broke while it was
    committed, everything was: repeating the call is safe for all that names what it changes.
    """

    def __init__(self, message: str, *, remedy: str, disk_full: bool = False) -> None:
        super().__init__(message, remedy=remedy)
        self.disk_full = disk_full


class LeaseLost(SuperchargeError):
    """Another worker has the request now, or it was ended from outside: stop working on it."""

    def __init__(self, request_id: str, worker: str) -> None:
        super().__init__(f"{request_id} is no longer the work of {worker}")


class UnknownRequest(BadInput):
    """There is no request of that id."""

    def __init__(self, request_id: str) -> None:
        super().__init__(f"there is no request {request_id}; list them: supercharge requests list")


class UnknownPool(BadInput):
    """There is no pool of that id."""

    def __init__(self, pool_id: str) -> None:
        super().__init__(f"there is no pool {pool_id}; list them: supercharge pool list")
