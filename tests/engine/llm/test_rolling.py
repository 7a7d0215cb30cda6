"""Several asks in one batch: each gets what it would get alone, whatever befalls its neighbours."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch

from engine.errors import ModelUnavailable
from engine.llm.base import FinishReason, Prompt, SamplingParams
from engine.llm.transformers import TransformersModel, kv
from engine.llm.transformers.row import Job
from tests.engine.llm.tiny import ByteTokenizer

HEAD = "Write a function. " * 9
ASKS = [
    (Prompt(HEAD + "def add(a, b):"), SamplingParams(n=5, max_tokens=24, seed=1)),
    (
        Prompt("A test, please: assert"),
        SamplingParams(n=3, temperature=1.5, top_p=1.0, max_tokens=30, seed=2),
    ),
    (Prompt(HEAD + "def gcd(a, b):"), SamplingParams(n=4, max_tokens=16, temperature=0, seed=3)),
]


def found(completions):
    return sorted((c.text, c.finish_reason, len(c.tokens)) for c in completions)


@pytest.fixture
def alone(weights):
    """What each ask gets from a model of its own."""
    model = TransformersModel(weights, ByteTokenizer(), name="alone")
    return [found(model.complete(prompt, params)) for prompt, params in ASKS]


def together(model, asks=ASKS):
    """All asks from threads of their own, begun at the same time."""
    start = threading.Barrier(len(asks))

    def ask(prompt, params):
        start.wait()
        return found(model.complete(prompt, params))

    with ThreadPoolExecutor(len(asks)) as pool:
        return [done.result() for done in [pool.submit(ask, *each) for each in asks]]


def watched(model, monkeypatch):
    """The numbers of rows that went through the weights together, one entry per pass."""
    rows = []
    forward = model._decoder.forward

    def watch(ids, *rest):
        if len(ids[0]) == 1:
            rows.append(len(ids))
        return forward(ids, *rest)

    monkeypatch.setattr(model._decoder, "forward", watch)
    return rows


class Batch:
    """The asks in one batch, step by step, without threads."""

    def __init__(self, model, asks=ASKS, cancels=()):
        self.rolling = model._batch
        self.jobs = []
        for i, (prompt, params) in enumerate(asks):
            ids = model.encode(prompt.text)
            cancel = cancels[i] if cancels else None
            self.jobs.append(Job(ids, params, params.max_tokens, model._decode, cancel))
        self.rolling._jobs.extend(self.jobs)

    def run(self, steps=10_000):
        while steps and not all(job.over for job in self.jobs):
            self.rolling._make_step()
            steps -= 1
        return self

    def found(self):
        return [found(job.ready) for job in self.jobs]


def test_asks_from_several_threads_get_what_they_would_have_got_alone(tiny, alone):
    assert together(tiny) == alone


def test_asks_of_all_kinds_go_through_the_weights_together(tiny, alone, monkeypatch):
    rows = watched(tiny, monkeypatch)
    assert Batch(tiny).run().found() == alone
    assert max(rows) == 5 + 3 + 4
    assert len(rows) < 24 + 30  # nobody waited for another's end


def test_what_the_prompts_share_is_read_once(tiny, monkeypatch):
    read = []
    forward = tiny._decoder.forward

    def watch(ids, *rest):
        read.extend([len(ids[0])] if len(ids[0]) > 1 else [])
        return forward(ids, *rest)

    monkeypatch.setattr(tiny._decoder, "forward", watch)
    Batch(tiny).run()
    first, second, third = (len(tiny.encode(prompt.text)) for prompt, _ in ASKS)
    assert sum(read) == first + second + (third - 128)


@pytest.mark.parametrize("tokens", [1, 210, 300])
def test_when_memory_is_small_then_rows_wait_for_their_place(weights, alone, monkeypatch, tokens):
    small = TransformersModel(weights, ByteTokenizer(), name="small", max_batch_tokens=tokens)
    rows = watched(small, monkeypatch)
    assert Batch(small).run().found() == alone
    assert 1 <= max(rows) <= max((tokens - 22) // 16, 1)
    assert small._batch._memory.limit == tokens


def test_a_finished_row_makes_room_for_one_that_waits(weights, monkeypatch):
    tokens = 10 + 4 * 30
    small = TransformersModel(weights, ByteTokenizer(), name="small", max_batch_tokens=tokens)
    small.end_ids = frozenset(range(200, 258))  # rows end at very different lengths
    rows = watched(small, monkeypatch)
    ask = (Prompt("x" * 9), SamplingParams(n=12, temperature=3.0, max_tokens=30, seed=5))
    lengths = [length for _, _, length in Batch(small, [ask]).run().found()[0]]
    assert max(rows) == 4
    assert len(set(lengths)) > 3
    assert len(rows) < 3 * 30  # and not three batches of four, each to its longest row's end


class Scarce:
    """A card whose memory holds no more than so many rows at once."""

    def __init__(self, model, monkeypatch, rows):
        self.rows = rows
        self.raised = 0
        forward = model._decoder.forward

        def scarce(ids, *rest):
            logits = forward(ids, *rest)  # the tokens are in the cache when it fails
            if len(ids[0]) == 1 and len(ids) > self.rows:
                self.raised += 1
                raise torch.OutOfMemoryError
            return logits

        monkeypatch.setattr(model._decoder, "forward", scarce)


@pytest.mark.parametrize("rows", [1, 6, 11])
def test_when_memory_runs_out_while_writing_then_the_batch_shrinks_and_goes_on(
    tiny, alone, monkeypatch, rows
):
    card = Scarce(tiny, monkeypatch, rows)
    assert Batch(tiny).run().found() == alone
    assert 1 <= card.raised <= 8


def test_when_memory_runs_out_then_the_older_rows_lose_nothing(tiny, monkeypatch):
    batch = Batch(tiny).run(steps=6)
    oldest = batch.rolling._groups[0]
    written = oldest.written
    card = Scarce(tiny, monkeypatch, rows=8)
    batch.run(steps=1)
    assert card.raised == 1
    assert batch.rolling._groups == [oldest]
    assert oldest.written == written
    batch.run(steps=1)
    assert oldest.written == written + 1


def test_when_memory_runs_out_while_sampling_then_the_same_is_drawn_again(tiny, alone, monkeypatch):
    from engine.llm.transformers import rolling

    calls = []

    def scarce(*args):
        calls.append(args)
        drawn = sample(*args)
        if len(calls) in (4, 9):
            raise torch.OutOfMemoryError
        return drawn

    sample = rolling.sample
    monkeypatch.setattr(rolling, "sample", scarce)
    assert Batch(tiny).run().found() == alone


def test_when_memory_runs_out_while_reading_then_kept_prompts_go_first(tiny, alone, monkeypatch):
    for prompt, _ in ASKS:
        list(tiny.complete(prompt, SamplingParams(max_tokens=1)))
    new_cache = kv.new_cache
    failing = iter([True])

    def scarce(*args, **how):
        if next(failing, False):
            raise torch.OutOfMemoryError
        return new_cache(*args, **how)

    monkeypatch.setattr(kv, "new_cache", scarce)
    monkeypatch.setattr(kv, "cut", scarce)
    prompt, params = Prompt("Something else."), SamplingParams(n=2, max_tokens=5)
    assert len(list(tiny.complete(prompt, params))) == 2


def test_when_one_row_is_too_many_then_only_its_ask_ends(tiny, alone, monkeypatch):
    forward = tiny._decoder.forward
    words = tuple(tiny.encode(ASKS[1][0].text))

    def scarce(ids, *rest):
        if tuple(ids[0]) == words:
            raise torch.OutOfMemoryError
        return forward(ids, *rest)

    monkeypatch.setattr(tiny._decoder, "forward", scarce)
    batch = Batch(tiny).run()
    assert isinstance(batch.jobs[1].error, ModelUnavailable)
    assert [batch.found()[i] for i in (0, 2)] == [alone[0], alone[2]]


def test_when_one_ask_is_cancelled_then_the_others_go_on(tiny, alone):
    cancels = [threading.Event() for _ in ASKS]
    batch = Batch(tiny, cancels=cancels).run(steps=6)
    cancels[0].set()
    reasons = {reason for _, reason, _ in batch.run().found()[0]}
    assert FinishReason.CANCELLED in reasons
    assert batch.found()[1:] == alone[1:]


def test_an_ask_that_its_caller_leaves_gives_its_place_back(tiny, alone):
    completions = tiny.complete(*ASKS[0])
    next(completions)
    assert tiny._batch._groups
    completions.close()
    assert not tiny._batch._groups
    assert not tiny._batch._jobs
    assert together(tiny) == alone


def test_what_breaks_a_step_reaches_every_caller_and_the_next_ask_works(tiny, alone, monkeypatch):
    with monkeypatch.context() as broken:
        broken.setattr(tiny._decoder, "forward", lambda *_: 1 / 0)
        for ask in ASKS:
            with pytest.raises(ZeroDivisionError):
                list(tiny.complete(*ask))
        batch = Batch(tiny).run()
        assert [type(job.error) for job in batch.jobs] == [ZeroDivisionError] * 3
    assert together(tiny) == alone


def test_the_judge_is_answered_between_two_tokens_of_the_others(tiny, alone):
    prompt, choices = Prompt("Score: "), ["0.0", "0.5", "1.0"]
    expected = tiny.choice_logprobs([prompt], choices)
    writing = tiny.complete(*ASKS[0])
    first = next(writing)
    assert tiny.choice_logprobs([prompt], choices) == expected
    assert found([first, *writing]) == alone[0]
    with ThreadPoolExecutor(4) as pool:
        asked = [pool.submit(lambda a=a: found(tiny.complete(*a))) for a in ASKS]
        judged = pool.submit(tiny.choice_logprobs, [prompt], choices)
        assert judged.result() == expected
        assert [each.result() for each in asked] == alone


def test_a_model_of_other_layers_takes_several_asks_too(weights, alone, monkeypatch):
    from tests.engine.llm.tiny import tiny_weights

    other = tiny_weights()
    other._supports_attention_backend = False
    general = TransformersModel(other, ByteTokenizer(), name="general")
    assert Batch(general).run().found() == alone
    Scarce(general, monkeypatch, 3)
    assert Batch(general).run().found() == alone


def test_a_model_that_accelerate_spreads_over_devices_takes_several_asks_too(alone):
    from accelerate import dispatch_model

    from tests.engine.llm.tiny import tiny_weights

    layers = {f"model.layers.{i}": "cpu" for i in range(3)}
    ends = {"model.embed_tokens": "cpu", "model.norm": "cpu", "model.rotary_emb": "cpu"}
    places = {**layers, **ends, "lm_head": "cpu"}
    # With its hooks, as between cards: they move what goes from one layer to the next.
    spread = dispatch_model(tiny_weights(), places, force_hooks=True)
    model = TransformersModel(spread, ByteTokenizer(), name="spread")
    assert Batch(model).run().found() == alone
