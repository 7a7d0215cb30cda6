"""A server on its bad days: what is tried again, what is said, and that nothing hangs."""

import json
import threading

import pytest

from engine.errors import ModelUnavailable
from engine.llm.base import FinishReason, Message, Prompt, SamplingParams
from tests.engine.llm.openai.hostile import DONE, MODEL, chat_event, event, plain, status, stream

PROMPT = Prompt("def f():")
GOOD = stream(event(" pass"), event("", reason="stop"), DONE)


def ask(model, **how):
    return list(model.complete(PROMPT, SamplingParams(**{"max_tokens": 9} | how)))


def texts(completions):
    return [completion.text for completion in completions]


@pytest.mark.parametrize(
    "fault",
    [
        status(429, "slow down", Retry_After="0"),
        status(500, "oh"),
        status(503, "loading"),
        stream(event(" pa")),  # broken off
        stream(event(" pa"), DONE),  # never finished
        stream(DONE),
        plain("<html>", "text/html"),
        stream("data: {nonsense\n\n", DONE),
        stream('data: {"choices": 7}\n\n', DONE),
        stream('data: {"error": {"message": "out of memory"}}\n\n', DONE),
        plain("[1]", "text/event-stream"),
    ],
)
def test_what_may_pass_is_tried_again(server, connect, fault):
    server.answers = [fault, fault, GOOD]

    assert texts(ask(connect())) == [" pass"]
    assert len(server.requests) == 3


def test_what_does_not_pass_is_given_up_after_the_tries_that_are_configured(server, connect):
    server.answers = [status(500, "the card is on fire")]

    with pytest.raises(ModelUnavailable, match=r"fails \(500\): .*the card is on fire") as raised:
        ask(connect(retries=2))
    assert raised.value.remedy
    assert len(server.requests) == 3


def test_who_asks_for_a_long_pause_is_left_alone_for_that_long(server, connect):
    server.answers = [status(429, "enough", Retry_After="3600")]

    with pytest.raises(ModelUnavailable, match="429") as raised:
        ask(connect())
    assert raised.value.retry_after_s == 3600
    assert len(server.requests) == 1


def test_money_that_is_spent_is_not_asked_for_again(server, connect):
    server.answers = [status(429, "You exceeded your current quota", "insufficient_quota")]

    with pytest.raises(ModelUnavailable, match="money is spent"):
        ask(connect())
    assert len(server.requests) == 1


def test_a_server_that_says_nothing_is_given_up(server, connect):
    def silent(handler):
        server.go_on.wait()

    server.answers = [silent]

    with pytest.raises(ModelUnavailable, match=r"was silent for 0\.2 s") as raised:
        ask(connect(timeout_s=0.2, retries=0))
    assert "timeout_s" in raised.value.remedy


def test_what_some_of_several_lost_is_asked_for_again_and_no_more(server, connect):
    begun = stream(event("a", "b", "c"), event("", reason="stop"))  # then it breaks off
    rest = stream(event("B", "C"), event("", "", reason="stop"), DONE)
    server.answers = [begun, rest]

    assert sorted(texts(ask(connect(), n=3))) == ["B", "C", "a"]
    assert [request.body.get("n") for request in server.requests] == [3, 2]


def test_a_server_that_gives_one_at_a_time_is_asked_as_often_as_it_takes(server, connect):
    server.answers = [GOOD]
    model = connect()

    assert texts(ask(model, n=3, seed=7)) == [" pass"] * 3
    assert [request.body.get("n") for request in server.requests] == [3, None, None]
    assert sorted(request.body["seed"] for request in server.requests) == [7, 8, 9]

    ask(model, n=2)  # it is known by now
    assert [request.body.get("n") for request in server.requests[3:]] == [None, None]


@pytest.mark.parametrize("key", ["logprobs", "seed", "stop", "stream_options", "temperature"])
def test_a_parameter_that_is_refused_is_done_without(server, connect, key):
    server.answers = [status(400, f"Unsupported parameter: '{key}' is not supported"), GOOD]
    model = connect()

    assert texts(ask(model, seed=1, stop=("x",))) == [" pass"]
    assert key in server.requests[0].body
    assert key not in server.requests[1].body

    ask(model, seed=1, stop=("x",))
    assert key not in server.requests[2].body


def test_what_is_refused_several_times_at_once_is_learnt_once(server, connect):
    server.answers = [GOOD]
    model = connect(concurrency=3)
    ask(model, n=2)  # it gives one per request
    together = threading.Barrier(3, timeout=30)

    def refuse(handler):
        together.wait()
        status(400, "'seed' is not supported")(handler)

    server.answers = [refuse, refuse, refuse, GOOD]

    assert texts(ask(model, n=3, seed=1)) == [" pass"] * 3


def test_what_goes_by_another_name_is_called_by_it(server, connect):
    said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
    server.answers = [status(400, said), GOOD]

    assert texts(ask(connect())) == [" pass"]
    assert server.requests[1].body["max_completion_tokens"] == 9
    assert "max_tokens" not in server.requests[1].body


def test_a_server_that_only_chats_is_chatted_with(server, connect):
    said = "This is a chat model and not supported in the v1/completions endpoint."
    server.answers = [status(404, said), stream(chat_event("x"), chat_event("", "stop"), DONE)]
    prompt = Prompt("…", (Message("user", "Write f."),), "```python\ndef f():")
    model = connect()

    assert texts(model.complete(prompt, SamplingParams())) == ["x"]
    assert [r.path for r in server.requests] == ["/v1/completions", "/v1/chat/completions"]
    [message] = server.requests[1].body["messages"]
    assert message["content"].startswith("Write f.")
    assert message["content"].endswith(prompt.prefill)


def test_a_reply_that_says_its_begin_again_goes_on_from_it(server, connect):
    said = ("```python\n", "def f():", "\n    return 1", "\n```", "\nThis is f.")
    server.answers = [stream(*map(chat_event, said), chat_event("", "stop"), DONE)]
    prompt = Prompt("…", (Message("user", "Write f."),), "```python\ndef f():")

    [reply] = connect(endpoint="chat").complete(prompt, SamplingParams(stop=("\n```", "\ndef ")))

    assert (reply.text, reply.finish_reason) == ("\n    return 1", FinishReason.STOP)
    assert "stop" not in server.requests[0].body  # the begin has one of them


def test_a_reply_in_a_form_of_its_own_is_left_whole(server, connect):
    said = ("Sure!\n", "```python\n", "def f():\n", "    return 1\n", "```\n")
    server.answers = [stream(*map(chat_event, said), chat_event("", "stop"), DONE)]
    prompt = Prompt("…", (Message("user", "Write f."),), "```python\ndef f():")

    [reply] = connect(endpoint="chat").complete(prompt, SamplingParams(stop=("\n```", "\ndef ")))

    assert reply.text == "".join(said)


@pytest.mark.parametrize("code", [401, 403])
def test_a_key_that_is_refused_is_told_by_its_variable_and_never_itself(
    server, connect, monkeypatch, code
):
    monkeypatch.setenv("MY_KEY", "sk-very-secret")
    server.models_status = code

    with pytest.raises(ModelUnavailable, match="refuses the key") as raised:
        connect(api_key_env="MY_KEY")
    assert "$MY_KEY" in raised.value.remedy
    chain = [raised.value, raised.value.__cause__]
    assert not any("sk-very-secret" in f"{error!r} {error}" for error in chain)


def test_the_key_is_sent_and_nothing_else_of_the_environment(server, connect, monkeypatch):
    for name in ("OPENAI_API_KEY", "OPENAI_ORG_ID", "OPENAI_PROJECT_ID", "OPENAI_ADMIN_KEY"):
        monkeypatch.setenv(name, "sk-of-somebody-else")
    monkeypatch.setenv("MY_KEY", "sk-mine")
    monkeypatch.setenv("OPENAI_BASE_URL", "http://192.0.2.1/v1")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    server.answers = [GOOD]

    ask(connect(api_key_env="MY_KEY"))
    ask(connect())

    assert server.requests[0].headers["authorization"] == "Bearer sk-mine"
    assert "sk-of-somebody-else" not in str(server.requests)


def test_a_key_that_is_not_there_is_asked_for(server, connect, monkeypatch):
    monkeypatch.delenv("MY_KEY", raising=False)

    with pytest.raises(ModelUnavailable, match=r"\$MY_KEY, which is to hold the key"):
        connect(api_key_env="MY_KEY")


def test_a_model_that_is_not_there_is_told_with_those_that_are(server, connect):
    server.served = [{"id": "big"}, {"id": "small"}]

    with pytest.raises(ModelUnavailable, match="has no model 'huge'; it serves big, small"):
        connect("huge")
    with pytest.raises(ModelUnavailable, match="has several models, and none is named"):
        connect("")


def test_the_only_model_needs_no_name_and_tells_its_window(server, connect):
    server.served = [{"id": "one", "owned_by": "vllm", "max_model_len": 777}]
    model = connect("", window=0)

    assert model.name.startswith("one at 127.0.0.1:")
    assert model.context_window == 777


def test_a_server_without_a_list_of_models_is_believed(server, connect):
    server.models_status = 404
    server.answers = [GOOD]

    assert texts(ask(connect("whatever"))) == [" pass"]


def test_a_model_that_went_away_is_told_with_those_that_are_there(server, connect):
    server.answers = [status(404, "The model `mind` does not exist", "model_not_found")]

    with pytest.raises(ModelUnavailable, match="has no 'mind'") as raised:
        ask(connect(endpoint="completions"))
    assert raised.value.remedy == f"it serves {MODEL}: set model"


def test_a_prompt_that_is_too_long_for_the_server_tells_its_window(server, connect):
    said = "This model's maximum context length is 2048 tokens, however you requested 3004 tokens"
    server.answers = [status(400, said, "context_length_exceeded")]

    with pytest.raises(ModelUnavailable, match="finds the prompt too long") as raised:
        ask(connect())
    assert raised.value.remedy == "set context_window = 2048"
    assert len(server.requests) == 1


def test_a_server_that_is_away_is_told_with_what_to_do(server, connect, free_port):
    with pytest.raises(
        ModelUnavailable, match=rf"at 127\.0\.0\.1:{free_port} does not answer"
    ) as r:
        connect(base_url=f"http://127.0.0.1:{free_port}/v1")
    assert r.value.remedy == "start it, or correct base_url"


def test_a_redirection_is_not_followed(server, connect):
    server.answers = [status(307, Location=f"{server.url}/elsewhere")]

    with pytest.raises(ModelUnavailable, match="sends elsewhere"):
        ask(connect())
    assert [request.path for request in server.requests] == ["/v1/completions"]


def endless(server):
    """Writes for as long as somebody reads."""

    def answer(handler):
        handler.send_response(200)
        handler.send_header("Content-Type", "text/event-stream")
        handler.end_headers()
        while not server.go_on.is_set():
            handler.wfile.write(event(" on").encode())

    return answer


def test_a_cancel_hangs_up_and_brings_what_had_been_written(server, connect):
    server.answers = [stream(event("a", reason="stop"), DONE), endless(server), endless(server)]
    cancel = threading.Event()
    came = []
    model = connect(concurrency=1)
    for completion in model.complete(PROMPT, SamplingParams(n=3, max_tokens=999), cancel=cancel):
        came.append(completion)
        cancel.set()

    assert [c.finish_reason for c in came][1:] == [FinishReason.CANCELLED] * 2
    assert came[0].text == "a"
    assert server.hung_up.wait(30) or len(server.requests) < 2


def test_a_cancel_does_not_wait_for_a_server_that_says_nothing(server, connect):
    asked = threading.Event()
    cancel = threading.Event()

    def silent(handler):
        asked.set()
        cancel.set()
        server.go_on.wait()

    server.answers = [silent]
    completions = connect().complete(PROMPT, SamplingParams(n=2), cancel=cancel)

    assert [(c.text, c.finish_reason) for c in completions] == [("", FinishReason.CANCELLED)] * 2
    assert asked.is_set()


def test_a_stop_that_the_server_does_not_know_is_cut_here_and_the_server_hung_up_on(
    server, connect
):
    server.answers = [endless(server)]
    many = (*(f"stop {n}" for n in range(7)), "n on")

    [completion] = ask(connect(), stop=many, max_tokens=900)

    assert completion.text == " o"
    assert completion.finish_reason is FinishReason.STOP
    assert len(server.requests[0].body["stop"]) == 4
    assert server.hung_up.wait(30)


def test_an_ask_that_is_abandoned_hangs_up(server, connect):
    server.answers = [stream(event("a", reason="stop"), DONE), endless(server)]
    completions = connect(concurrency=1).complete(PROMPT, SamplingParams(n=2, max_tokens=900))
    next(completions)
    completions.close()

    assert server.hung_up.wait(30) or len(server.requests) == 1


def test_no_more_requests_are_out_at_once_than_configured(server, connect):
    together = threading.Barrier(2, timeout=30)
    out, most, lock = 0, 0, threading.Lock()

    def answer(handler):
        nonlocal out, most
        with lock:
            out += 1
            most = max(most, out)
        together.wait()
        with lock:
            out -= 1
        GOOD(handler)

    server.answers = [GOOD, answer]

    assert len(ask(connect(concurrency=2), n=5)) == 5
    assert most == 2


def test_choices_that_a_server_does_not_tell_are_not_made_up(server, connect):
    whole = {"choices": [{"index": 0, "text": " 0.5", "finish_reason": "stop", "logprobs": None}]}
    server.answers = [plain(json.dumps(whole))]
    assert connect().choice_logprobs([PROMPT], ["a", "b"]) is None

    server.answers = [status(400, "logprobs are not available for this model")]
    assert connect().choice_logprobs([PROMPT], ["a", "b"]) is None
    assert connect(logprobs=False).choice_logprobs([PROMPT], ["a", "b"]) is None
