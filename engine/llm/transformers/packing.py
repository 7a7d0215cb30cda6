"""Weights in the layout that the CPU's matrix kernels want, made once.

A plain product arranges its weights anew for every token: of a small model in bfloat16 that is a fifth
of a step of 32 rows, and more of one of a single row.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

ROWS = 32
"""For about so many rows the layout is chosen; it serves for any number."""


class PackedLinear(nn.Module):
    """A linear map over weights that have been packed; the same sums as of the one it was made from."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.in_features, self.out_features = linear.in_features, linear.out_features
        self.bias = linear.bias
        # No parameter: nothing but its kernel can read it.
        self._packed = torch.ops.mkldnn._reorder_linear_weight(linear.weight.detach(), ROWS)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """`x` is [..., in], the result [..., out]."""
        out: torch.Tensor = torch.ops.mkldnn._linear_pointwise(
            x, self._packed, self.bias, "none", [], ""
        )
        return out


def pack(model: Any) -> bool:
    """Pack every linear map of `model` in place; False, and no change, where that would not help.

    It does where weights are bfloat16, on a CPU that multiplies it. The weights as they were are let
    go of, so that memory stays what it was, but for an output head that is the embedding too.
    """
    kinds = {(parameter.dtype, parameter.device.type) for parameter in model.parameters()}
    if kinds != {(torch.bfloat16, "cpu")} or not _has_kernels():
        return False
    for parent in list(model.modules()):
        for name, child in list(parent.named_children()):
            if type(child) is nn.Linear:
                setattr(parent, name, PackedLinear(child))
    return True


def _has_kernels() -> bool:
    library: Any = torch.backends.mkldnn  # without annotations
    capable = torch.backends.cpu.get_cpu_capability().startswith("AVX512")
    return bool(library.is_available()) and capable
