"""The probabilities of a few fixed answers, for many prompts, in one forward pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import torch

from engine.llm.transformers.kv import common_prefix

PROMPT_END = -1
"""The node that stands for the last token of the prompt."""


@dataclass(slots=True)
class ChoiceTree:
    """The answers to one prompt as a tree of tokens, so that `0.1` and `0.2` share `0.`.

    stem     the prompt's tokens that no answer changes
    ids      token of each node that has something after it, parents before children
    parents  index of each node's parent, or PROMPT_END
    paths    for each answer its tokens, each as (node that it follows, token id)
    """

    stem: list[int]
    ids: list[int] = field(default_factory=list)
    parents: list[int] = field(default_factory=list)
    paths: list[list[tuple[int, int]]] = field(default_factory=list)

    @property
    def depth(self) -> int:
        """Most tokens of an answer."""
        return max(map(len, self.paths), default=0)


def build_tree(prompt_ids: Sequence[int], joint_ids: Sequence[Sequence[int]]) -> ChoiceTree:
    """The tree of the answers; `joint_ids` are prompt and answer tokenized as one text.

    Where an answer merges with the end of the prompt into one token, the answers begin at the last
    token that all of them share, so that they are still compared from the same point.
    """
    shared = min([len(prompt_ids), *(common_prefix(prompt_ids, ids) for ids in joint_ids)])
    tree = ChoiceTree(stem=list(prompt_ids[:shared]))
    nodes: dict[tuple[int, int], int] = {}
    for ids in joint_ids:
        path: list[tuple[int, int]] = []
        at = PROMPT_END
        for position in range(shared, len(ids)):
            path.append((at, ids[position]))
            if position + 1 < len(ids):  # a last token is asked for, never read
                step = (at, ids[position])
                if step not in nodes:
                    nodes[step] = len(tree.ids)
                    tree.ids.append(ids[position])
                    tree.parents.append(at)
                at = nodes[step]
        tree.paths.append(path)
    return tree


@dataclass(slots=True)
class ChoiceBatch:
    """Trees as one batch after a shared, cached beginning of `start` tokens.

    tokens     [rows, width]: padding, the rest of the stem, the tree's nodes; right-aligned
    positions  [rows, width]
    mask       [rows, 1, width, start + width]; True where a token may look
    keep       logits that are needed, counted from the end
    """

    tokens: torch.Tensor
    positions: torch.Tensor
    mask: torch.Tensor
    keep: int


def build_batch(trees: Sequence[ChoiceTree], start: int) -> ChoiceBatch:
    """Lay trees out so that a node sees the prompt and its own ancestors, and no other branch."""
    nodes = max(len(tree.ids) for tree in trees)
    width = max(len(tree.stem) + len(tree.ids) for tree in trees) - start
    tokens = torch.zeros((len(trees), width), dtype=torch.long)
    positions = torch.zeros_like(tokens)
    mask = torch.zeros((len(trees), 1, width, start + width), dtype=torch.bool)
    mask[..., :start] = True
    for row, tree in enumerate(trees):
        rest = tree.stem[start:]
        first_node = width - len(tree.ids)
        first = first_node - len(rest)
        tokens[row, first:] = torch.tensor(rest + tree.ids)
        positions[row, first:first_node] = torch.arange(start, len(tree.stem))
        mask[row, 0, :, start:] = torch.eye(width, dtype=torch.bool)
        mask[row, 0, first:first_node, start + first : start + first_node] = torch.ones(
            len(rest), len(rest), dtype=torch.bool
        ).tril_()
        for node, parent in enumerate(tree.parents):
            above = first_node + parent  # for PROMPT_END, the stem's last token
            at = first_node + node
            mask[row, 0, at] |= mask[row, 0, above]
            positions[row, at] = positions[row, above] + 1
    return ChoiceBatch(tokens, positions, mask, nodes + 1)


def read_logprobs(trees: Sequence[ChoiceTree], logits: torch.Tensor) -> list[list[float]]:
    """For each tree, each answer's log-probability; `logits` is [rows, keep, vocabulary]."""
    keep = logits.shape[1]
    answers: list[list[float]] = []
    for tree, row in zip(trees, logits.float().log_softmax(-1), strict=True):
        first_node = keep - len(tree.ids)
        at = [first_node + node for path in tree.paths for node, _ in path]
        token = [token for path in tree.paths for _, token in path]
        values = iter(row[at, token].tolist())
        answers.append([sum(next(values) for _ in path) for path in tree.paths])
    return answers
