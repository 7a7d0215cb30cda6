"""From a question of the policy to a prompt, and from a reply to candidates.

The only place that knows both what a prompt looks like and how its replies are cleaned.
"""

from __future__ import annotations

import ast
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace

from engine.candidates import Candidate, Kind, Origin, Pool
from engine.cleanup import clean
from engine.cleanup.tests import clean_test, split_asserts
from engine.context import first_assert, module_outline, prompt_parts, stub_text
from engine.errors import BadInput
from engine.knobs import AS_CONFIGURED, Part
from engine.llm.base import Completion, LanguageModel, Prompt, SamplingParams
from engine.policy import Ask
from engine.prompts import PromptFormat, Template, render
from engine.spec import FunctionSpec
from engine.splice import SpliceError, does_nothing, find_function, splice

MOST_ASSERTS = 12
"""Most asserts taken from one reply: small models count on in a line for as long as they may."""

_CODE_STOPS = ("\n```", "\n[|", "\nif __name__", "\nprint(", "\nassert ", "\n# ", "\n\n\n\n")
_FILE_STOPS = ("\ndef ", "\nclass ", "\nfrom ", "\nimport ")
_TEST_STOPS = ("\n```", "\n[|", "\nif __name__", "\ndef ", "\nclass ", "\n\n\n\n")


@dataclass(frozen=True, slots=True)
class Question:
    """A prompt, how to sample it, and `head`: the text that a reply goes on from, for the cleaner.

    `parts` are those that a prompt of this style could have, whether or not the ask leaves them out.
    """

    prompt: Prompt
    params: SamplingParams
    head: str
    style: str
    parts: frozenset[Part] = frozenset()


class Interviewer:
    """Asks one model about one function."""

    def __init__(
        self,
        spec: FunctionSpec,
        model: LanguageModel,
        *,
        seed: int | None = None,
        prompt_format: PromptFormat = PromptFormat.AUTO,
        max_tokens: int = 256,
        wish: str = "",
    ) -> None:
        self._spec = spec
        self._model = model
        self._seed = seed
        self._format = prompt_format
        self._max_tokens = max_tokens
        self._wish = wish
        self._stub = stub_text(spec)
        self._parts = prompt_parts(spec)
        self._names = test_names(spec)

    def question(self, ask: Ask, pool: Pool) -> Question:
        """The question that `ask` stands for. Raises BadInput when the stub does not fit a prompt."""
        about = self._about_code if ask.kind is Kind.CODE else self._about_test
        try:
            return about(ask, pool)
        except BadInput:
            if ask.knobs == AS_CONFIGURED:
                raise
        # Longer replies leave less room for the prompt: tuning is never what makes a stub too long.
        return about(replace(ask, knobs=AS_CONFIGURED), pool)

    def candidates(self, ask: Ask, question: Question, completion: Completion) -> list[Candidate]:
        """What a reply holds, cleaned: at most one code, or the single asserts of a test.

        An empty list means that it held nothing usable.
        """
        text = question.head + completion.text
        if ask.kind is Kind.CODE:
            cleaned = clean(text, entry_point=self._spec.entry_point)
            sources = [cleaned.source] if cleaned.ok and self._is_answer(cleaned.source) else []
        else:
            cleaned = clean_test(text, **self._names)
            units = split_asserts(cleaned.source, **self._names) if cleaned.ok else []
            sources = units[:MOST_ASSERTS]
        return [
            Candidate(
                kind=ask.kind,
                source=source,
                raw=text,
                origin=ask.origin,
                parent=ask.parent,
                logprob=completion.mean_logprob,
                style=question.style,
                edits=cleaned.edits,
            )
            for source in sources
        ]

    def _is_answer(self, source: str) -> bool:
        """Whether a code fits the stub's place, and is not the stub again."""
        try:
            filled = splice(self._spec.module, self._spec.qualname, source)
        except SpliceError:
            return False
        node = find_function(ast.parse(filled), self._spec.qualname)
        return node is not None and not does_nothing(node)

    def _about_code(self, ask: Ask, pool: Pool) -> Question:
        words = {"stub": self._stub, "context": self._context(ask)}
        style = ask.style
        if ask.parent is None:
            # Two forms of one ask: a small model errs differently in each.
            template = Template.CODE if style == "dialogue" else Template.CODE_COMPLETION
            prompt = self._render(ask, template, optional=("context",), **words)
        else:
            style = wish_style(self._wish) or style
            prompt = self._render(
                ask,
                Template.IMPROVE_CODE,
                optional=("context", "failure"),
                code=pool.candidates[ask.parent].source.strip(),
                failure=self._failure(ask, pool),
                wish=self._wish,
                **words,
            )
        head = f"```python\n{self._stub}"
        stops = _CODE_STOPS + (_FILE_STOPS if style == "completion" else ())
        return Question(prompt, self._params(ask, stops), head, style, self._parts_of(style))

    def _about_test(self, ask: Ask, pool: Pool) -> Question:
        name, opening = self._spec.import_name, first_assert(self._spec)
        words = {"stub": self._stub, "context": self._context(ask), "first_assert": opening}
        words["test_name"] = self._spec.entry_point
        imports = f"from {name} import {name}\n\n\n"
        head = f"{imports}def test_{self._spec.entry_point}():{opening}"
        if ask.parent is not None:
            prompt = self._render(
                ask,
                Template.IMPROVE_TEST,
                optional=("context",),
                import_name=name,
                test=pool.candidates[ask.parent].source.strip(),
                wish=self._wish,
                **words,
            )
        elif ask.style == "dialogue":
            template, about = Template.TEST, {"import_name": name}
            prompt = self._render(ask, template, optional=("context",), **about, **words)
        else:
            prompt = self._render(ask, Template.TEST_COMPLETION, optional=("context",), **words)
        params, parts = self._params(ask, _TEST_STOPS), self._parts_of(ask.style)
        return Question(prompt, params, head, ask.style, parts)

    def _context(self, ask: Ask) -> str:
        """What the prompt says of the stub's surroundings, less what the ask leaves out."""
        left_out = ask.knobs.without
        return module_outline(
            self._spec, callers=Part.CALLERS not in left_out, outline=Part.OUTLINE not in left_out
        )

    def _parts_of(self, style: str) -> frozenset[Part]:
        """A file that goes on has its examples in its text, and is nothing without them."""
        return self._parts if style == "completion" else self._parts | {Part.EXAMPLES}

    def _max_tokens_of(self, ask: Ask) -> int:
        return max(round(self._max_tokens * ask.knobs.max_tokens), 1)

    def _render(
        self, ask: Ask, template: Template, *, optional: Sequence[str], **words: str
    ) -> Prompt:
        return render(
            template,
            self._model,
            prompt_format=self._format,
            room=self._max_tokens_of(ask),
            optional=optional,
            examples=Part.EXAMPLES not in ask.knobs.without,
            **words,
        )

    def _failure(self, ask: Ask, pool: Pool) -> str:
        if ask.parent is None or ask.against is None:
            return ""
        result = pool.results[ask.parent, ask.against]
        lines = [
            line
            for line in pool.candidates[ask.against].source.splitlines()
            if line.startswith(" ")
        ]
        said = f"{result.error}: {result.message}" if result.message else result.error
        return "\n".join([*lines, said])

    def _params(self, ask: Ask, stops: tuple[str, ...]) -> SamplingParams:
        return SamplingParams(
            n=ask.n,
            temperature=ask.temperature,
            max_tokens=self._max_tokens_of(ask),
            stop=stops,
            seed=None if self._seed is None else derived_seed(self._seed, ask),
        )


def wish_style(wish: str) -> str:
    """The style of asks that carry this wish, by which the codes that answer it are known; or empty."""
    return f"wish-{hashlib.sha256(wish.encode()).hexdigest()[:8]}" if wish else ""


def test_names(spec: FunctionSpec) -> dict[str, str]:
    """What an assert must call to be about the function, and what it imports to get there.

    A property or a dunder is never called by its name: there the class must be.
    """
    by_name = not spec.is_method or not (spec.entry_point.startswith("__") or is_decorated(spec))
    called = spec.entry_point if by_name else spec.import_name
    return {"entry_point": called, "import_name": spec.import_name}


def is_decorated(spec: FunctionSpec) -> bool:
    node = find_function(ast.parse(spec.module), spec.qualname)
    return node is not None and bool(node.decorator_list)


def derived_seed(seed: int, ask: Ask) -> int:
    """A seed of its own for every ask of a run, the same in every run."""
    text = f"{seed} {ask.kind.value} {ask.ordinal}"
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:4], "big")


def given_tests(spec: FunctionSpec) -> list[Candidate]:
    """The examples of the docstring as single-assert tests: ground truth."""
    if spec.is_method:
        return []
    name = spec.entry_point
    sources = []
    for example in spec.examples:
        if example.raises:
            body = (
                f"import pytest\nfrom {name} import {name}\n\n\ndef test_{name}():\n"
                f"    with pytest.raises({example.raises}):\n        {example.call}\n"
            )
        else:
            body = (
                f"from {name} import {name}\n\n\ndef test_{name}():\n"
                f"    assert {example.call} == {example.expected}\n"
            )
        sources += split_asserts(body, entry_point=name)
    return [
        Candidate(Kind.TEST, source, raw=source, origin=Origin.GIVEN, style="docstring")
        for source in sources
    ]
