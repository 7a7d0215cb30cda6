"""What `supercharge bench model` asks: one function's code, its test, and a judgement of it."""

from __future__ import annotations

CODE_ASK = '''Complete the function. Answer with the code only.

For example `def add(a, b)`, "Return the sum of a and b.", is

```python
def add(a, b):
    """Return the sum of a and b."""
    return a + b
```

and `def is_even(n)`, "Tell whether n is even.", is

```python
def is_even(n):
    """Tell whether n is even."""
    return n % 2 == 0
```

Now `def factorial(n)`, "Return the factorial of n, the product of 1 to n."'''
# The prompt ends at the quotes: a newline and the indent after it are one token.
CODE_PREFILL = '''```python
def factorial(n):
    """Return the factorial of n, the product of 1 to n."""'''
CODE_STOP = ("\n```", "\ndef ")

TEST_ASK = """Write a test. Answer with the code only.

For example `def add(a, b)`, "Return the sum of a and b.", is tested by

```python
def test_add():
    assert add(1, 2) == 3
    assert add(-4, 4) == 0
```

Now `def factorial(n)`, "Return the factorial of n, the product of 1 to n.\""""
TEST_PREFILL = "```python\ndef test_factorial():"

JUDGE_ASK = """How likely is it that this function is right? Answer with one number, 0.0 to 1.0.

```python
{code}
```"""
JUDGE_PREFILL = "Score: "
