"""Several requests share warm sandboxes: one per project, kept for the next, and none hurts another."""

from __future__ import annotations

import contextlib
import itertools
import threading

import docker.errors
import pytest

from engine.errors import SandboxUnavailable
from engine.sandbox import Project, SandboxSettings, open_sandbox
from engine.sandbox.docker import DockerEngine
from engine.sandbox.lending import SandboxLender
from engine.sandbox.owners import owner_labels
from engine.verdicts import Verdict

GOOD = "def double(n):\n    return 2 * n\n"
TEST = "from double import double\n\n\ndef test_double():\n    assert double(4) == 8\n"
SLOW = "import time\n\n\ndef double(n):\n    time.sleep(0.05)\n    return 2 * n\n"
HANG = "import time\n\n\ndef double(n):\n    time.sleep(3600)\n"
USES = "from helper import FACTOR\n\n\ndef double(n):\n    return FACTOR * n\n"


class Lending:
    """A lender over sandboxes of one engine, what it opened, and a clock that stands still."""

    def __init__(self, engine, **kept):
        settings = SandboxSettings(engine=engine, memory_mb=512, tmpfs_mb=32, **kept)
        self.opened, self.now = [], 0.0
        self.lender = SandboxLender(self._open, settings, clock=lambda: self.now)
        self.settings = settings

    def _open(self, project):
        self.opened.append(open_sandbox(self.settings, project=project))
        return self.opened[-1]

    def lend(self, project=None):
        return self.lender.lend(project)

    def connections(self):
        return [sandbox._connection for sandbox in self.opened]


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "bubblewrap"])
def lending(request):
    made = []

    def make(**kept):
        made.append(Lending(request.param, **kept))
        return made[-1]

    yield make
    for one in made:
        one.lender.close()


def project(folder, factor):
    folder.mkdir(exist_ok=True)
    (folder / "helper.py").write_text(f"FACTOR = {factor}\n")
    return Project((folder,))


def verdicts(sandbox, codes, **more):
    found = sandbox.run_pairs(codes, {"t": TEST}, entry_point="double", **more)
    return {result.code_id: result.verdict for result in found}


def ours(client):
    """The sandboxes that this process has running, by their containers' ids."""
    labels = [f"{key}={value}" for key, value in owner_labels().items()]
    found = client.containers.list(filters={"label": ["supercharge=sandbox", *labels]})
    return {container.id for container in found}


@pytest.fixture
def client():
    engine = DockerEngine(SandboxSettings())
    yield engine._client
    engine.close()


@pytest.mark.docker
def test_requests_of_one_project_share_one_container(tmp_path, client):
    lending, gate, found = Lending("docker"), threading.Barrier(3), []
    before = ours(client)

    def request(folder):
        # Each has a checkout of its own; what is in it is the same.
        with lending.lend(project(tmp_path / folder, 2)) as sandbox:
            gate.wait(timeout=60)
            found.append(verdicts(sandbox, {"uses": USES, "good": GOOD}))
            gate.wait(timeout=60)

    threads = [threading.Thread(target=request, args=(name,)) for name in ("a", "b")]
    for thread in threads:
        thread.start()
    gate.wait(timeout=60)
    gate.wait(timeout=60)
    assert len(ours(client) - before) == 1
    for thread in threads:
        thread.join(timeout=60)
    assert found == [{"uses": Verdict.PASSED, "good": Verdict.PASSED}] * 2
    kept = ours(client) - before
    assert len(kept) == 1
    with lending.lend(project(tmp_path / "c", 2)) as sandbox:
        assert verdicts(sandbox, {"uses": USES}) == {"uses": Verdict.PASSED}
        assert ours(client) - before == kept
    lending.lender.close()
    (container,) = kept
    with contextlib.suppress(docker.errors.NotFound):
        client.api.wait(container, condition="removed")
    assert not kept & ours(client)


@pytest.mark.docker
def test_the_sweep_leaves_what_a_living_worker_keeps_warm(client):
    lending = Lending("docker")
    before = ours(client)
    with lending.lend() as sandbox:
        verdicts(sandbox, {"c": GOOD})
    kept = ours(client) - before
    DockerEngine(SandboxSettings()).close()
    assert ours(client) - before == kept
    lending.lender.close()


def test_a_kept_one_has_the_first_requests_files_when_those_are_gone(lending, tmp_path):
    here, first = lending(), project(tmp_path / "first", 2)
    with here.lend(first) as sandbox:
        assert verdicts(sandbox, {"c": USES}) == {"c": Verdict.PASSED}
    (tmp_path / "first" / "helper.py").unlink()
    # Its runner was lost while nobody used it.
    here.opened[0]._connection._link.close()
    here.opened[0]._connection._reader.join(timeout=10)
    with here.lend(project(tmp_path / "again", 2)) as sandbox:
        assert verdicts(sandbox, {"c": USES}) == {"c": Verdict.PASSED}
        place = ("c", "t")
        confirmed = sandbox.confirm(place, USES, TEST, entry_point="double")
        assert confirmed.verdict is Verdict.PASSED
    assert len(here.opened) == 1


def test_other_files_are_another_sandbox(lending, tmp_path):
    here = lending()
    with here.lend(project(tmp_path / "two", 2)) as two, here.lend() as none:
        three = here.lend(project(tmp_path / "three", 3))
        assert verdicts(two, {"c": USES}) == {"c": Verdict.PASSED}
        assert verdicts(three, {"c": USES}) == {"c": Verdict.FAILED}
        assert verdicts(none, {"c": USES}) == {"c": Verdict.FAILED}
        three.close()
    assert len(here.opened) == 3


def test_the_least_recently_used_goes_first_and_what_is_old_goes(lending, tmp_path):
    here = lending(keep_warm=2, keep_warm_s=60)
    projects = [project(tmp_path / str(n), n) for n in range(3)]
    for one in (*projects, projects[1]):
        here.now += 1
        with here.lend(one) as sandbox:
            verdicts(sandbox, {"c": GOOD})
    assert [sandbox._closed for sandbox in here.opened] == [True, False, False]
    here.now += 58.5
    here.lender.tidy()
    assert [sandbox._closed for sandbox in here.opened] == [True, False, False]
    here.now += 1
    here.lender.tidy()
    assert [sandbox._closed for sandbox in here.opened] == [True, False, True]
    assert here.lender.warm == 1
    here.lender.close()
    assert here.lender.warm == 0
    assert here.connections() == [None] * 3
    with pytest.raises(SandboxUnavailable):
        here.lend()


def test_what_is_in_use_is_never_closed_and_nothing_is_kept_where_that_is_said(lending):
    here = lending(keep_warm=0, keep_warm_s=0)
    with here.lend() as first, here.lend() as second:
        assert verdicts(first, {"c": GOOD}) == {"c": Verdict.PASSED}
        first.close()
        first.close()
        here.lender.tidy()
        assert verdicts(second, {"c": GOOD}) == {"c": Verdict.PASSED}
        with pytest.raises(SandboxUnavailable):
            verdicts(first, {"c": GOOD})
    assert [sandbox._closed for sandbox in here.opened] == [True]


def test_one_that_only_confirmed_takes_no_place(lending, tmp_path):
    here = lending()
    with here.lend(project(tmp_path / "p", 2)) as sandbox:
        result = sandbox.confirm(("c", "t"), USES, TEST, entry_point="double")
    assert result.verdict is Verdict.PASSED
    assert [sandbox._closed for sandbox in here.opened] == [True]


@pytest.mark.parametrize("by", ["cancel", "close"])
def test_the_end_of_one_request_leaves_the_other_its_pairs(lending, by):
    """Its hanging pairs end at once, in the runner too, and the other's run on in the same one."""
    here, cancel, left = lending(), threading.Event(), threading.Event()
    ended, other = here.lend(), here.lend()
    hanging = {f"{n}": HANG + f"# {n}\n" for n in range(4)}

    def hang():
        results = ended.run_pairs(
            {"bad": "def double(n):\n    return n\n"} | hanging,
            {"t": TEST},
            entry_point="double",
            timeout_s=600,
            cancel=cancel,
        )
        assert next(results).code_id == "bad"
        cancel.set() if by == "cancel" else ended.close()
        assert not list(results)
        left.set()

    thread = threading.Thread(target=hang)
    thread.start()
    slow = {f"{n}": SLOW + f"# {n}\n" for n in range(8)}
    results = other.run_pairs(slow, {"t": TEST}, entry_point="double")
    first = next(results)
    connection = here.opened[0]._connection
    found = [first, *results]
    assert {r.verdict for r in found} == {Verdict.PASSED}
    assert len(found) == 8
    # Every slot is free again, long before the hanging pairs' time is over.
    assert left.wait(timeout=60)
    thread.join()
    both = {f"{n}": GOOD + f"# {n}\n" for n in range(4)}
    assert set(verdicts(other, both).values()) == {Verdict.PASSED}
    assert here.opened[0]._connection is connection
    ended.close()
    other.close()


def test_a_small_request_does_not_wait_for_a_big_one_in_another_sandbox(lending, tmp_path):
    here, order = lending(), []
    gate = threading.Barrier(2)

    def request(name, one, codes, tests):
        with here.lend(one) as sandbox:
            assert verdicts(sandbox, {"c": GOOD})
            gate.wait(timeout=60)
            for _ in sandbox.run_pairs(codes, tests, entry_point="double"):
                order.append(name)

    big = {f"{n}": SLOW + f"# {n}\n" for n in range(30)}
    wrong = {f"{n}": TEST.replace("8", "9") + f"# {n}\n" for n in range(3)}
    threads = [
        threading.Thread(target=request, args=job)
        for job in (
            ("big", project(tmp_path / "big", 2), big, {"t": TEST.replace("8", "9")}),
            ("small", None, {"only": SLOW}, wrong),
        )
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=120)
    assert (order.count("big"), order.count("small")) == (30, 3)
    assert len(order) - order[::-1].index("small") < 20
    assert len(here.opened) == 2


def test_one_whose_engine_went_away_is_not_lent_again(lending, monkeypatch):
    here = lending()
    with here.lend() as sandbox:
        assert verdicts(sandbox, {"c": GOOD}) == {"c": Verdict.PASSED}

        def gone(*arguments, **options):
            raise SandboxUnavailable("gone", remedy="wait")

        monkeypatch.setattr(here.opened[0], "connect", gone)
        with pytest.raises(SandboxUnavailable):
            verdicts(sandbox, {"c": GOOD})
        with here.lend() as other:
            assert verdicts(other, {"c": GOOD}) == {"c": Verdict.PASSED}
    assert [sandbox._closed for sandbox in here.opened] == [True, False]


def test_what_cannot_be_opened_is_tried_anew():
    errors = itertools.chain([SandboxUnavailable("down", remedy="up")])

    def open_one(project):
        for error in errors:
            raise error
        return open_sandbox(SandboxSettings(engine="bubblewrap"), project=project)

    lender = SandboxLender(open_one, SandboxSettings())
    with pytest.raises(SandboxUnavailable):
        lender.lend()
    with lender.lend() as sandbox:
        assert verdicts(sandbox, {"c": GOOD}) == {"c": Verdict.PASSED}
    lender.close()


def test_on_a_cluster_every_request_opens_its_own():
    opened = []
    lender = SandboxLender(lambda project: opened.append(project), SandboxSettings(place="ray"))
    lender.lend()
    lender.lend()
    assert opened == [None, None]
