"""The batched sampler against the plainest way to compute the same."""

import itertools
from collections import Counter

import pytest
import torch
from transformers.cache_utils import DynamicCache

from engine.errors import ModelUnavailable
from engine.llm.base import FinishReason, Prompt, SamplingParams
from engine.llm.transformers import TransformersModel, kv
from engine.llm.transformers.choices import build_tree
from engine.llm.transformers.sampling import sample
from tests.engine.llm.tiny import ByteTokenizer, tiny_weights

LONG = Prompt("def add(a, b):  # " + "x" * 300)
OTHER_END = Prompt(LONG.text[:200] + "another end")
HOT = SamplingParams(n=6, temperature=1.0, top_p=0.9, max_tokens=40, seed=11)


def full_logprobs(weights, ids):
    with torch.inference_mode():
        return weights(torch.tensor([ids])).logits[0].float().log_softmax(-1)


def prompt_ids(text):
    return ByteTokenizer()(text)["input_ids"]


def completions(model, prompt=LONG, params=HOT):
    return sorted(model.complete(prompt, params), key=lambda c: (c.text, len(c.tokens)))


def texts(model, prompt=LONG, params=HOT):
    return [c.text for c in completions(model, prompt, params)]


def test_greedy_rows_are_what_generate_writes(tiny, weights):
    ids = prompt_ids(LONG.text)
    params = SamplingParams(n=3, temperature=0, max_tokens=30)
    written = {tuple(c.tokens) for c in tiny.complete(LONG, params)}
    with torch.inference_mode():
        whole = weights.generate(
            torch.tensor([ids]), attention_mask=torch.ones(1, len(ids)), max_new_tokens=30
        )
    expected = ByteTokenizer().decode(whole[0, len(ids) :].tolist())
    assert len(written) == 1
    assert "".join(written.pop()) == expected


def ascii_only(model, seed=11, n=6):
    """Sampled completions whose tokens are bytes that can be read back from the text."""
    model.end_ids = frozenset(range(128, 258))
    return list(model.complete(LONG, SamplingParams(n=n, temperature=4, max_tokens=40, seed=seed)))


def test_log_probabilities_are_the_full_forward_passes(tiny, weights):
    start = prompt_ids(LONG.text)
    for completion in ascii_only(tiny):
        written = list(completion.text.encode())
        logprobs = full_logprobs(weights, start + written)
        expected = [logprobs[len(start) - 1 + i, t].item() for i, t in enumerate(written)]
        assert completion.logprobs == pytest.approx(expected, abs=1e-5)


@pytest.mark.model
def test_the_embedded_model_means_the_log_probabilities_it_tells(embedded):
    prompt = Prompt("def factorial(n):\n" * 20)
    params = SamplingParams(n=3, max_tokens=24, temperature=0.5, seed=1)
    start = embedded.encode(prompt.text)
    compared = 0
    for completion in embedded.complete(prompt, params):
        ids = embedded.encode(prompt.text + "".join(completion.tokens))
        if len(ids) != len(start) + len(completion.tokens):
            continue  # read back, the text has other tokens
        compared += 1
        logprobs = full_logprobs(embedded.weights, ids)
        expected = sum(logprobs[i - 1, ids[i]].item() for i in range(len(start), len(ids)))
        assert completion.mean_logprob == pytest.approx(
            expected / len(completion.tokens),
            abs=0.05,  # bfloat16
        )
    assert compared


def test_rows_that_finish_do_not_disturb_their_neighbours(tiny):
    together = ascii_only(tiny, n=12)
    assert len({len(c.tokens) for c in together}) > 3  # they did leave at different steps
    for count in range(1, 12):
        assert {c.text for c in ascii_only(tiny, n=count)} <= {c.text for c in together}


def test_a_batch_split_by_memory_gives_the_same(weights, tiny):
    small = TransformersModel(weights, ByteTokenizer(), name="small", max_batch_tokens=400)
    assert texts(small) == texts(tiny)


def test_a_kept_prefix_changes_nothing_to_the_bit(weights, tiny):
    fresh = TransformersModel(weights, ByteTokenizer(), name="fresh", prefix_cache_tokens=0)
    list(tiny.complete(OTHER_END, HOT))
    assert completions(tiny) == completions(fresh)  # shares 200 tokens
    assert completions(tiny) == completions(fresh)  # shares all of them


def test_a_kept_prefix_is_not_read_again(tiny, monkeypatch):
    read = []
    forward = tiny._decoder.forward
    monkeypatch.setattr(
        tiny._decoder, "forward", lambda ids, c: read.append(len(ids[0])) or forward(ids, c)
    )
    one = SamplingParams(max_tokens=1)
    list(tiny.complete(LONG, one))
    assert sum(read) == 319
    list(tiny.complete(LONG, one))
    assert sum(read) == 319
    list(tiny.complete(OTHER_END, one))
    assert sum(read) == 319 + 212 - 128  # kept in whole chunks


def test_prefixes_are_let_go_oldest_first():
    def entry(*ids):
        return kv.Prefilled(ids, DynamicCache(), torch.zeros(1))

    store = kv.PrefixStore(max_tokens=5)
    store.add(entry(1, 2))
    store.add(entry(3, 4))
    assert store.find((1, 2, 9))[1] == 2  # used: now 3, 4 is the oldest
    store.add(entry(5, 6))
    assert [store.find(ids)[1] for ids in ((1, 2), (3, 4), (5, 6))] == [2, 0, 2]
    store.add(entry(*range(6)))  # larger than all of it
    assert store.find((0, 1, 2))[1] == 0


@pytest.mark.parametrize("rows", [1, 2, 5])
def test_rows_are_dropped_by_moving_the_last_into_the_holes(rows):
    for count in range(rows):
        for gone in itertools.combinations(range(rows), count):
            layer = kv.GrowingLayer()
            states = torch.arange(rows).view(rows, 1, 1, 1).expand(rows, 2, 3, 4)
            layer.update(states, states)
            order = kv.drop_rows(kv.Cache(layers=[layer]), rows, gone)
            assert sorted(order) == [row for row in range(rows) if row not in gone]
            assert layer.keys[:, 0, 0, 0].tolist() == order
            more, _ = layer.update(states[: len(order)], states[: len(order)])
            assert more.shape[2] == 6


def test_out_of_memory_halves_the_batch_and_goes_on(tiny, monkeypatch):
    expected = texts(tiny)
    seen = []
    fork = kv.fork

    def scarce(cache, *, rows, room):
        seen.append(rows)
        if rows > 2:
            raise torch.OutOfMemoryError
        return fork(cache, rows=rows, room=room)

    monkeypatch.setattr(kv, "fork", scarce)
    assert texts(tiny) == expected
    assert seen == [6, 3, 1, 1, 1, 1, 1, 1]


def test_out_of_memory_for_one_row_is_said(tiny, monkeypatch):
    def none_left(*_, **__):
        raise torch.OutOfMemoryError

    monkeypatch.setattr(kv, "fork", none_left)
    with pytest.raises(ModelUnavailable, match="not enough memory"):
        texts(tiny)
    with pytest.raises(ModelUnavailable, match="not enough memory"):
        tiny.choice_logprobs([LONG], ["a"])


def test_a_model_of_other_layers_still_forks(weights):
    windowed = tiny_weights()
    windowed._supports_attention_backend = False
    general = TransformersModel(windowed, ByteTokenizer(), name="general")
    shared = TransformersModel(weights, ByteTokenizer(), name="shared")
    assert texts(general) == texts(shared)
    assert general.choice_logprobs([LONG], ["a"]) is None


CHOICES = [f"{tenth / 10:.1f}" for tenth in range(11)]
ANSWERS = [*CHOICES, "no", "1", "0.55"]


def test_choices_have_the_probability_of_the_naive_way(tiny, weights):
    prompts = [Prompt("Score of this: "), LONG, OTHER_END, Prompt("S")]
    answers = tiny.choice_logprobs(prompts, ANSWERS)
    for prompt, row in zip(prompts, answers, strict=True):
        start = prompt_ids(prompt.text)
        for choice, found in zip(ANSWERS, row, strict=True):
            ids = start + list(choice.encode())
            logprobs = full_logprobs(weights, ids)
            expected = sum(logprobs[i - 1, ids[i]].item() for i in range(len(start), len(ids)))
            assert found == pytest.approx(expected, abs=1e-5)


def test_choices_split_by_memory_are_the_same(weights, tiny):
    prompts = [LONG, OTHER_END, Prompt("S")]
    small = TransformersModel(weights, ByteTokenizer(), name="small", max_batch_tokens=400)
    expected = tiny.choice_logprobs(prompts, CHOICES)
    found = small.choice_logprobs(prompts, CHOICES)
    for a, b in zip(expected, found, strict=True):
        assert a == pytest.approx(b, abs=1e-5)


def test_a_choice_that_merges_with_the_prompt_is_compared_from_their_common_start():
    tree = build_tree([1, 2, 9], [[1, 2, 9, 5], [1, 2, 7, 6]])
    assert tree.stem == [1, 2]
    assert tree.paths == [[(-1, 9), (0, 5)], [(-1, 7), (1, 6)]]
    assert (tree.ids, tree.parents) == ([9, 7], [-1, -1])


def test_a_choice_without_room_is_refused(tiny):
    with pytest.raises(ValueError, match="window 512"):
        tiny.choice_logprobs([Prompt("x" * 511)], ["no"])


def test_the_context_window_ends_a_completion(tiny):
    params = SamplingParams(max_tokens=100, temperature=0)
    (completion,) = tiny.complete(Prompt("x" * 500), params)
    assert completion.finish_reason is FinishReason.LENGTH
    assert len(completion.tokens) == 512 - 501


def drawn(logits, temperature, top_p, many):
    """Tokens drawn for as many equal rows, with numbers spread evenly over [0, 1)."""
    points = [(i + 0.5) / many for i in range(many)]
    return sample(logits.expand(many, -1), [temperature] * many, [top_p] * many, points)


@pytest.mark.parametrize("top_p", [0.3, 0.6, 1.0])
def test_draws_follow_the_nucleus(top_p):
    probs = torch.tensor([0.4, 0.05, 0.3, 0.25])
    kept = {0.3: [0], 0.6: [0, 2], 1.0: [0, 1, 2, 3]}[top_p]
    ids, logprobs = drawn(probs.log(), 1.0, top_p, many=1000)
    counts = Counter(ids)
    total = sum(probs[i].item() for i in kept)
    assert set(counts) == set(kept)
    for i in kept:
        assert counts[i] / 1000 == pytest.approx(probs[i].item() / total, abs=0.002)
    assert logprobs[0] == pytest.approx(probs[ids[0]].log().item(), abs=1e-6)  # untruncated


@pytest.mark.parametrize("top_p", [0.5, 0.9, 1.0])
@pytest.mark.parametrize("sharpness", [1, 5])
def test_draws_from_a_large_vocabulary_follow_the_nucleus_too(top_p, sharpness):
    torch.manual_seed(3)
    logits = torch.randn(700) * sharpness
    probs, order = logits.softmax(-1).sort(descending=True)
    before = probs.cumsum(-1) - probs
    kept = order[before < top_p].tolist()
    ids, _ = drawn(logits, 1.0, top_p, many=500)
    counts = Counter(ids)
    assert set(counts) <= set(kept)
    total = sum(logits.softmax(-1)[kept]).item()
    for token in kept[:20]:
        expected = logits.softmax(-1)[token].item() / total
        assert counts[token] / 500 == pytest.approx(expected, abs=0.004)


def test_temperature_sharpens_draws_but_not_log_probabilities():
    ids, logprobs = drawn(torch.tensor([1.0, 2.0]), 0.5, 1.0, many=1000)
    assert sum(ids) / 1000 == pytest.approx(0.8808, abs=0.002)
    assert {round(x, 4) for x in logprobs} == {-1.3133, -0.3133}


def test_each_row_has_its_own_temperature_nucleus_and_number():
    torch.manual_seed(4)
    logits = torch.randn(4, 300)
    each = ([0.0, 0.7, 1.0, 2.0], [0.9, 0.5, 1.0, 0.95], [0.99, 0.2, 0.9999, 0.6])
    together, _ = sample(logits, *each)
    alone = [sample(logits[i : i + 1], *([x[i]] for x in each))[0][0] for i in range(4)]
    assert together == alone
    assert together[0] == logits[0].argmax()
