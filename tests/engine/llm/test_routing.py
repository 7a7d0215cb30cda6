"""Several models as one: each kind of ask finds its own."""

import json

import pytest

from engine.errors import BadInput
from engine.judge import judge
from engine.llm import ModelSettings, Routes, open_models
from engine.llm.base import Prompt, SamplingParams
from engine.llm.openai.settings import OpenAISettings
from engine.llm.routing import Role, Router, route
from engine.llm.scripted import ScriptedModel
from engine.prompts import Template, render


def mind(name: str, **how) -> ScriptedModel:
    return ScriptedModel({"": [f"\n    return {name!r}\n"]}, name=name, **how)


@pytest.fixture
def minds():
    return {role: mind(role.value) for role in Role}


def test_one_model_is_everybodys():
    one = mind("one")

    assert all(route(one, role) is one for role in Role)


def test_several_are_found_by_the_kind_of_ask(minds):
    router = Router(minds)

    assert {role: route(router, role).name for role in Role} == {
        Role.CODE: "code",
        Role.TEST: "test",
        Role.IMPROVE: "improve",
        Role.JUDGE: "judge",
    }


def test_several_have_a_name_that_tells_who_does_what():
    local, paid = mind("local"), mind("paid at example.com")
    models = {Role.CODE: local, Role.TEST: local, Role.IMPROVE: local, Role.JUDGE: paid}

    assert Router(models).name == "local for code, test, improve; paid at example.com for judge"


def test_a_prompt_is_made_for_the_model_that_gets_it(minds):
    for role, said in ((Role.IMPROVE, "<|user|>"), (Role.JUDGE, "[|User|]")):
        minds[role] = mind(role.value, chat=role is Role.IMPROVE)
        words = {"code": "def f(): pass"}
        if role is Role.IMPROVE:
            words |= {"stub": "def f():", "context": "", "failure": "", "wish": ""}
        template = Template.IMPROVE_CODE if role is Role.IMPROVE else Template.JUDGE_CODE

        assert said in render(template, Router(minds), **words).text


def test_the_judge_is_asked_and_nobody_else(minds):
    minds[Role.JUDGE] = ScriptedModel({"": ["0.7"]}, name="judge")

    assert judge(Router(minds), code_id="c", code="def f(): pass").score == 0.7
    assert [role for role, model in minds.items() if model.calls] == [Role.JUDGE]


def test_as_one_model_it_is_the_one_for_codes(minds):
    router = Router(minds)
    prompt = Prompt("def f():")

    [reply] = router.complete(prompt, SamplingParams())
    assert "code" in reply.text
    assert router.count_tokens("a b") == 2
    assert router.apply_chat_template([]) is None
    assert router.choice_logprobs([prompt], ["a"]) is None
    assert router.context_window == minds[Role.CODE].context_window


def script(tmp_path, name: str) -> ModelSettings:
    path = tmp_path / f"{name}.json"
    path.write_text(json.dumps({"replies": {"": [name]}}))
    return ModelSettings(backend="scripted", model=str(path))


def test_models_of_all_backends_are_opened_as_routes_name_them_each_once(tmp_path):
    models = {
        "": script(tmp_path, "main"),
        "b": script(tmp_path, "other"),
        "never": script(tmp_path, "x"),
    }
    opened = open_models(models, Routes(test="b", judge="b"))

    assert opened.name == (
        "scripted (main.json) for code, improve; scripted (other.json) for test, judge"
    )
    assert route(opened, Role.TEST) is route(opened, Role.JUDGE)
    opened.close()


def test_where_all_go_to_one_there_is_but_one(tmp_path):
    models = {"": script(tmp_path, "main"), "same": script(tmp_path, "main")}

    assert not isinstance(open_models(models, Routes()), Router)
    assert not isinstance(open_models(models, Routes(judge="same")), Router)


def test_when_one_cannot_be_opened_then_none_is_left_open(tmp_path, monkeypatch):
    closed = []
    monkeypatch.setattr(ScriptedModel, "close", lambda self: closed.append(self.name))
    models = {
        "": script(tmp_path, "main"),
        "b": ModelSettings(backend="scripted", model=str(tmp_path / "missing.json")),
    }

    with pytest.raises(BadInput):
        open_models(models, Routes(judge="b"))
    assert closed == ["scripted (main.json)"]


def test_a_model_that_costs_and_one_that_does_not_are_different_models():
    free = ModelSettings(backend="openai")
    paid = ModelSettings(backend="openai", openai=OpenAISettings(prompt_price=1, daily_cap=1))

    assert len({free, paid, ModelSettings(backend="openai")}) == 2
