"""The generation engine: a function's stub in, a proven function and its test out.

Knows nothing of GitHub, web servers, databases or the time of day. What it needs from outside, a
language model and a sandbox, comes in through two protocols: `engine.llm.base.LanguageModel` and
`engine.sandbox.base.Sandbox`.
"""
