"""Train as under autocast to bfloat16 on a CPU that lacks its instructions, where that takes hours.

    python benchmarks/simulated_bfloat16.py configs/einet_tiny_shapes.py [options of tools/train.py]

Convolutions and batch norms compute in float32; inputs, weights, outputs and all their gradients
are rounded to bfloat16, which is what its instructions do, with sums in float32.
"""

import runpy
from pathlib import Path

from torch import Tensor, nn

TRAIN = Path(__file__).resolve().parents[1] / 'tools' / 'train.py'


def rounded(values: Tensor | None) -> Tensor | None:
    """The nearest bfloat16 values; gradients are rounded as well."""
    return None if values is None else values.bfloat16().float()


def main() -> None:
    """Train."""
    convolve, normalize = nn.Conv2d._conv_forward, nn.BatchNorm2d.forward

    def conv_forward(self: nn.Conv2d, x: Tensor, weight: Tensor, bias: Tensor | None) -> Tensor:
        maps = (rounded(x), rounded(weight), rounded(bias)) if self.training else (x, weight, bias)
        return rounded(convolve(self, *maps)) if self.training else convolve(self, *maps)

    def norm_forward(self: nn.BatchNorm2d, x: Tensor) -> Tensor:
        return rounded(normalize(self, x)) if self.training else normalize(self, x)

    nn.Conv2d._conv_forward, nn.BatchNorm2d.forward = conv_forward, norm_forward
    runpy.run_path(str(TRAIN), run_name='__main__')


if __name__ == '__main__':
    main()
