"""Given broken code, when it is repaired, then it is what its writer meant."""
# ruff: noqa: E501 (tables of texts read best with one text to a line)

from __future__ import annotations

import ast

import pytest

from engine.cleanup import repair as repairing
from engine.cleanup import syntax
from engine.cleanup.repair import mend, repair

LOOP = "def f(xs):\n    total = 0\n    for x in xs:\n        if x > 0:\n            total += x\n    return total\n"
DOC = 'def f(n):\n    """Return the double.\n\n    >>> f(2)\n    4\n    """\n    return n * 2\n'

DAMAGED = {
    "no colon": (LOOP.replace("x > 0:", "x > 0"), LOOP),
    "no colon behind def": (LOOP.replace("(xs):", "(xs)"), LOOP),
    "a line too deep": (LOOP.replace("    return", "      return"), LOOP),
    "a line not deep enough": (LOOP.replace("            total", "        total"), LOOP),
    "a header at the wrong depth": (LOOP.replace("        if", "    if"), LOOP),
    "a body at the margin": (LOOP.replace("\n    ", "\n"), LOOP),
    "a body at the margin behind its docstring": (DOC.replace("    return", "return"), DOC),
    "no end of the docstring": (DOC.replace('    """\n    return', "\n    return"), DOC),
    "no end of a call": ("def f(a):\n    x = abs(a - 1\n    return x\n", "def f(a):\n    x = abs(a - 1)\n    return x\n"),
    "no end of a list": ("def f(a):\n    return [x for x in a if x\n", "def f(a):\n    return [x for x in a if x]\n"),
    "a closer inside": ("def f(a):\n    if len(a > 3:\n        return 1\n", "def f(a):\n    if len(a) > 3:\n        return 1\n"),
    "a closer too many": ("def f(a):\n    return max(len(a), 1))\n", "def f(a):\n    return max(len(a), 1)\n"),
    "the wrong closer": ("def f(a):\n    return max(a]\n", "def f(a):\n    return max(a)\n"),
    "no opening quote": ("def f(a):\n    return a.split(,')\n", "def f(a):\n    return a.split(',')\n"),
    "no closing quote": ("def f(a):\n    return 'x + a\n", "def f(a):\n    return 'x' + a\n"),
    "typographic quotes": ("def f(a):\n    return “x” + ‘y’\n", "def f(a):\n    return \"x\" + 'y'\n"),
    "tabs and spaces": ("def f(a):\n    if a:\n\treturn 1\n", "def f(a):\n    if a:\n        return 1\n"),
    "English in between": (LOOP.replace("    for", "Now we add them up.\n    for"), LOOP),
    "a header twice": (LOOP.replace("    for x in xs:\n", "    for x in xs:\n" * 2), LOOP),
    "another language": ("def f(a, b):\n    if a && b:\n        return 1\n", "def f(a, b):\n    if a and b:\n        return 1\n"),
    "else if": ("def f(a):\n    if a:\n        return 1\n    else if not a:\n        return 2\n",
                "def f(a):\n    if a:\n        return 1\n    elif not a:\n        return 2\n"),
    "a return out of its loop": ("def f(xs):\n    for x in xs:\n        if x:\n    return x\n    return 0\n",
                                 "def f(xs):\n    for x in xs:\n        if x:\n            return x\n    return 0\n"),
    "the last line twice": (LOOP.rstrip() + "\n  return total\n", LOOP),
    "the last line cut": (LOOP.replace("return total", "return (total"), LOOP),
    "no body at the end": (LOOP + "\nclass Other:\n", LOOP + "\nclass Other:\n    pass\n"),
    "no start of the docstring": (DOC.replace('"""Return', "Return"), DOC),
    "no def": (LOOP.replace("def f", "f"), LOOP),
    "a capital keyword": (LOOP.replace("return", "Return"), LOOP),
    "a remark without a mark": (LOOP.replace("total = 0", "total = 0  the running sum"), LOOP),
    "a line feed lost": (LOOP.replace("= 0\n    for", "= 0 for"), LOOP),
    "a line feed lost behind a header": (LOOP.replace("xs:\n        if", "xs:    if"), LOOP),
    "a line feed lost before a function": (LOOP.rstrip() + "def g(y):\n    return y\n", LOOP + "def g(y):\n    return y\n"),
    "a line feed too many": ("def f(a, b):\n    if a and\nb:\n        return 1\n", "def f(a, b):\n    if a and b:\n        return 1\n"),
    "no comma": ("def f(a):\n    return max(a 1)\n", "def f(a):\n    return max(a, 1)\n"),
    "no comma behind a number": ("def f(a):\n    return max(1a)\n", "def f(a):\n    return max(1, a)\n"),
    "no comma at the end of a line": ("X = {\n    'a': 1\n    'b': 2,\n}\n", "X = {\n    'a': 1,\n    'b': 2,\n}\n"),
    "no opener between two names": ("def f(values):\n    return maxvalues)\n", "def f(values):\n    return max(values)\n"),
    "no quote and no closer": ("def f(a):\n    return a.split(',[-1]\n", "def f(a):\n    return a.split(',')[-1]\n"),
    "entities of HTML": (LOOP.replace(">", "&gt;") + "\ndef g(s):\n    return s == &quot;a&quot;\n", LOOP + "\ndef g(s):\n    return s == 'a'\n"),
    "braces": (LOOP.replace(":\n        if x > 0:", " {\n        if x > 0 {").replace("x\n    ret", "x\n        }\n    }\n    ret"), LOOP),
    "an assignment like a walrus": (LOOP.replace("total = 0", "total := 0"), LOOP),
    "a colon behind the equals sign": (LOOP.replace("total = 0", "total =: 0"), LOOP),
    "a single equals sign in a test": ("def f(a):\n    return sum(1 for b in a if b = 2)\n", "def f(a):\n    return sum(1 for b in a if b == 2)\n"),
    "no space behind a keyword": ("def f(a):\n    return [b for b in a ifb > 1]\n", "def f(a):\n    return [b for b in a if b > 1]\n"),
    "no space behind the first keyword": (LOOP.replace("for x", "forx"), LOOP),
    "the question mark of C": ("def f(a):\n    return a > 1 ? 2 : 3\n", "def f(a):\n    return 2 if a > 1 else 3\n"),
    "Python 2 raises": ("def f(a):\n    raise ValueError, 'no'\n", "def f(a):\n    raise ValueError('no')\n"),
    "Markdown's backslashes": (LOOP.replace("xs", "x\\_s").replace("total += x", "total \\*= x"), LOOP.replace("xs", "x_s").replace("total += x", "total *= x")),
    "a narrower grid from some line on": (LOOP.replace("        if x > 0:\n            total += x\n    return", "    if x > 0:\n      total += x\n  return"), LOOP),
    "a sum without its end": ("def f(a, b):\n    return a +\n", "def f(a, b):\n    return a + b\n"),
    "a loop without its end": ("def f(xs):\n    n = 0\n    for x in\n        n += x\n    return n\n", "def f(xs):\n    n = 0\n    for x in xs:\n        n += x\n    return n\n"),
    "a step without its end": ("def f(xs):\n    n = 0\n    for x in xs:\n        n +=\n    return n\n", "def f(xs):\n    n = 0\n    for x in xs:\n        n += 1\n    return n\n"),
    "a name cut that a docstring begins, too": ("def f(values):\n    \"\"\"A valid v of values.\"\"\"\n    for x in v\n        return x\n", "def f(values):\n    \"\"\"A valid v of values.\"\"\"\n    for x in values:\n        return x\n"),
    "a closer lost behind a slice": ("def f(a, n):\n    return a + a[:n[::-1]\n", "def f(a, n):\n    return a + a[:n][::-1]\n"),
    "a step by a name without its end": ("def f(xs):\n    n = 1\n    for x in xs:\n        n *\n    return n\n", "def f(xs):\n    n = 1\n    for x in xs:\n        n *= x\n    return n\n"),
    "a loop over numbers without its end": ("def f(text: str):\n    found = []\n    for i\n        found.append(text[:i + 1])\n    return found\n",
                                            "def f(text: str):\n    found = []\n    for i in range(len(text)):\n        found.append(text[:i + 1])\n    return found\n"),
    "a comprehension without its loop": ("def f(xs):\n    return [(x + 1) for\n", "def f(xs):\n    return [(x + 1) for x in xs]\n"),
    "a call of a function of Python's without its end": ("def f(n):\n    for i in reversed(rang\n        return i\n", "def f(n):\n    for i in reversed(range(n)):\n        return i\n"),
    "a method without its end": ("def f(xs):\n    found = []\n    for x in xs:\n        found.\n    return found\n", "def f(xs):\n    found = []\n    for x in xs:\n        found.append(x)\n    return found\n"),
    "an else without its end": ("def f(x):\n    if x:\n        return 1\n    e\n        return 2\n", "def f(x):\n    if x:\n        return 1\n    else:\n        return 2\n"),
    "an index that other lines tell": ("def f(word, i):\n    if word[i] in 'ab':\n        return word[\n    return ''\n", "def f(word, i):\n    if word[i] in 'ab':\n        return word[i]\n    return ''\n"),
    "no end of a docstring that ends with a quote": ("def f(text):\n    \"\"\"\n    f('a') == \"A\"\n    new = \"\"\n    return new + text\n", "def f(text):\n    \"\"\"\n    f('a') == \"A\"\n    \"\"\"\n    new = \"\"\n    return new + text\n"),
    "the first line of a docstring twice": (DOC.replace('    \"\"\"Return the double.\n', '    \"\"\"Return the double.\n' * 2), DOC),
    "no quote before what is returned": ("def f(t):\n    if t > 3:\n        return No'\n    return 'Yes'\n", "def f(t):\n    if t > 3:\n        return 'No'\n    return 'Yes'\n"),
    "no quote behind a letter that begins one": ("def f(s):\n    return re.split(r[.?!]\\s*', s)\n", "def f(s):\n    return re.split(r'[.?!]\\s*', s)\n"),
    "no quote of an empty text": ("def f(t, i):\n    if t.count(i) > 2 and i!=':\n        return 1\n", "def f(t, i):\n    if t.count(i) > 2 and i!='':\n        return 1\n"),
    "a closer that groups something": ("def f(a, b):\n    middle = (a + b / 2.0\n    return middle\n", "def f(a, b):\n    middle = (a + b) / 2.0\n    return middle\n"),
    "a closer in a line like another": ("def f(a, b, c, d):\n    x = int(a) * int(c)\n    y = int(b * int(d)\n    return x / y\n", "def f(a, b, c, d):\n    x = int(a) * int(c)\n    y = int(b) * int(d)\n    return x / y\n"),
    "a closer before a text is added": ("def f(x):\n    out = ''\n    while x > 0:\n        out = str(x % 2 + out\n        x //= 2\n    return out\n", "def f(x):\n    out = ''\n    while x > 0:\n        out = str(x % 2) + out\n        x //= 2\n    return out\n"),
    "a closer of an index that is a number": ("def f(grid):\n    for i in range(3):\n        for j in range(3):\n            yield grid[i[j - 1]\n", "def f(grid):\n    for i in range(3):\n        for j in range(3):\n            yield grid[i][j - 1]\n"),
    "an argument that is no text": ("def f(t):\n    return t.replace(',', ' '.split()\n", "def f(t):\n    return t.replace(',', ' ').split()\n"),
    "a colon before a bracket that does not match": ("def f(xs):\n    def g(x)\n        return x > 1\n    i = 0\n    while i < len(xs):\n        if xs[i] > 0 and g(xs[i)):\n            return i\n        i += 1\n", "def f(xs):\n    def g(x):\n        return x > 1\n    i = 0\n    while i < len(xs):\n        if xs[i] > 0 and g(xs[i]):\n            return i\n        i += 1\n"),
    "tabs and typographic quotes": ("def f(a):\n\t\"\"\"Doc.\n    More.\n    \u201d\u201c\u201d\n    return a\n", "def f(a):\n    \"\"\"Doc.\n    More.\n    \"\"\"\n    return a\n"),
    "a closer before a comparison": ("def f(c, xs):\n    return [x for x in xs if c[x <= 1]\n", "def f(c, xs):\n    return [x for x in xs if c[x] <= 1]\n"),
    "a closer of a slice": ("def f(s):\n    return (s, s[::-1 == s)\n", "def f(s):\n    return (s, s[::-1] == s)\n"),
    "a closer before a quotient": ("def f(t, i):\n    t.append(t[i - 1] + t[i - 2 + (i + 3) / 2)\n    return t\n", "def f(t, i):\n    t.append(t[i - 1] + t[i - 2] + (i + 3) / 2)\n    return t\n"),
    "a bracket too many behind a quotient": ("def f(n, num, i):\n    div = n // num[i]]\n    return div\n", "def f(n, num, i):\n    div = n // num[i]\n    return div\n"),
    "a bracket too many in a sum": ("def f(a):\n    return sum([a[i]] for i in range(1, len(a), 2) if a[i] == 0])\n", "def f(a):\n    return sum([a[i] for i in range(1, len(a), 2) if a[i] == 0])\n"),
    "a broken copy behind it": (LOOP + "\n" + LOOP[:58], LOOP),
    "two kinds at once": (LOOP.replace("xs:\n", "xs\n").replace("    return", "     return"), LOOP),
}  # fmt: skip


@pytest.mark.parametrize(("broken", "meant"), DAMAGED.values(), ids=DAMAGED.keys())
def test_it_is_mended(broken: str, meant: str) -> None:
    mended = mend(broken)
    assert ast.dump(ast.parse(mended.code)) == ast.dump(ast.parse(meant)), mended.edits
    assert mended.edits


@pytest.mark.parametrize(
    "code", ["", "x", LOOP, DOC, "x=1;y = 2 ", "return 1\n", "x = '\u201c'\r\n"]
)
def test_code_that_parses_comes_back_byte_for_byte(code: str) -> None:
    assert repair(code) == code


@pytest.mark.parametrize(
    "text",
    ["if x\n  y\n z\n" * 60, LOOP.replace("total", "((total '") * 8],
    ids=["layout", "marks"],
)
def test_the_search_is_bounded_in_what_it_parses(
    text: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    parsed: list[int] = []

    def counting(code: str) -> object:
        parsed.append(len(code))
        return syntax.parse(code)

    monkeypatch.setattr(repairing, "parse", counting)
    monkeypatch.setattr(repairing, "_BUDGET", 30_000)
    mend(text)
    # Without the budget these parse 158,265 and 287,143 characters.
    assert sum(parsed) < 60_000


def test_a_cut_tail_goes_and_the_function_stays() -> None:
    assert ast.dump(ast.parse(repair(LOOP + "\nprint(f([1, 2"))) == ast.dump(ast.parse(LOOP))


def test_a_header_without_a_body_gets_one() -> None:
    assert "pass" in repair("def g(x):\n\ndef f(x):\n    return x\n")


def test_a_name_cut_short_is_completed() -> None:
    broken = (
        LOOP.replace("for x in xs:", "for x in x")
        .replace("xs)", "values)")
        .replace("in x\n", "in val\n")
    )
    assert "in values:" in repair(broken)


def test_one_broken_function_does_not_concern_its_neighbours() -> None:
    code = repair(f"{LOOP}\ndef g(a):\n    return (a\n\n{DOC.replace('def f', 'def h')}")
    assert LOOP in code
    assert DOC.replace("def f", "def h") in code


def test_a_line_that_stops_in_a_function_without_parameters_is_mended_all_the_same() -> None:
    assert repair("def test_f():\n    x = 1 +\n    assert x\n")
