"""The embedding interaction of Fig. 4: instances move the semantic centers, Eq. (2)-(4).

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first)
    K: instances of one image
    D: embedding width
    h, w: map at stride 4
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from ...functional.interaction import affinity, calibrate, center_contributions

INSTANCES = ('own', 'all')
CALIBRATIONS = ('extra', 'replace', 'none')


@MODELS.register_module()
class InteractionHead(BaseModule):
    """Update Q from the instances of each image and calibrate the semantic embedding with it.

    An image sees its own update of the stored Q, so that what it computes does not depend on the
    images that share its batch or rank; the update that lasts is committed once per optimizer
    step, see :class:`SemanticCenters`.

    Args:
        num_things_classes: C_th.
        num_stuff_classes: C_st.
        embed_dims: D.
        centers: Config of :class:`SemanticCenters`, without class count and width.
        sem_aug: Table 3's SemAug. ``False`` switches Eq. (2)-(4) off: every center follows its
            category's mean V alone and nothing is calibrated.
        calibration: Use of Eq. (4) in training. ``'extra'``: the classifier sees the raw embedding,
            and the calibrated one in an additional, weighted term (default); ``'replace'``: the
            calibrated one only, as printed; ``'none'``: the raw one only.
        literal_affinity: Eq. (2) with the sign as printed, which weights the farthest category
            most.
        temperature: Eq. (2)'s softmax; printed is 1.
        instances: Instances that Eq. (3) sums for a thing category: ``'own'`` or, as printed,
            ``'all'`` of the image, which turns the centers of all thing categories into one.
    """

    def __init__(
        self,
        num_things_classes: int,
        num_stuff_classes: int,
        embed_dims: int,
        centers: dict,
        sem_aug: bool = True,
        calibration: str = 'extra',
        literal_affinity: bool = False,
        temperature: float = 1.0,
        instances: str = 'own',
        init_cfg: dict | None = None,
    ) -> None:
        super().__init__(init_cfg)
        if calibration not in CALIBRATIONS:
            raise ValueError(
                f'InteractionHead: calibration must be one of {CALIBRATIONS}, got {calibration!r}'
            )
        if instances not in INSTANCES:
            raise ValueError(
                f'InteractionHead: instances must be one of {INSTANCES}, got {instances!r}'
            )
        if temperature <= 0:
            raise ValueError(f'InteractionHead: temperature must be positive, got {temperature}')
        self.num_things_classes = num_things_classes
        num_classes = num_things_classes + num_stuff_classes
        self.sem_aug = sem_aug
        self.calibration = calibration if sem_aug else 'none'
        self.literal_affinity = literal_affinity
        self.temperature = temperature
        self.instances = instances
        sizes = {
            'num_classes': num_classes,
            'num_things_classes': num_things_classes,
            'embed_dims': embed_dims,
        }
        self.centers = MODELS.build({**sizes, **centers})
        is_thing = torch.arange(num_classes) < num_things_classes
        self.register_buffer('is_thing', is_thing, persistent=False)

    def forward(
        self,
        instance_means: Sequence[Tensor],
        instance_labels: Sequence[Tensor],
        category_means: Sequence[Tensor],
        present: Tensor,
    ) -> Tensor:
        """Q as each image sees it; in training mode the sums are staged for the next commit.

        Args:
            instance_means: E of each image, B x (K, D) float.
            instance_labels: B x (K,) long in [0, C_th).
            category_means: V of each image, B x (C, D) float; rows of absent categories are
                ignored.
            present: (B, C) bool, categories that have pixels in the image.

        Returns:
            (B, C, D) float32, differentiable with respect to E and V.
        """
        sums = [
            self._contributions(*image)
            for image in zip(instance_means, instance_labels, category_means, present, strict=True)
        ]
        if self.training:
            self.centers.stage(
                sum(numerator for numerator, _ in sums), sum(denominator for _, denominator in sums)
            )
        return torch.stack([self.centers.updated(*pair) for pair in sums])

    def calibrated(self, semantic_embedding: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Thing pixels take their center's embedding, Eq. (4).

        Args:
            semantic_embedding: S, (B, D, h, w) float.
            labels: (B, h, w) long, -1 where ignored.
            centers: Q of each image, (B, C, D).

        Returns:
            (B, D, h, w), in the type of S.
        """
        images = [
            calibrate(s.flatten(1).t(), y.flatten(), q, self.is_thing).t()
            for s, y, q in zip(semantic_embedding.unbind(), labels, centers, strict=True)
        ]
        return torch.stack(images).view_as(semantic_embedding)

    def _contributions(
        self,
        instance_means: Tensor,
        instance_labels: Tensor,
        category_means: Tensor,
        present: Tensor,
    ) -> tuple[Tensor, Tensor]:
        """Numerator (C, D) and denominator (C,) of Eq. (3) for one image."""
        if not self.sem_aug:
            instance_means, instance_labels = instance_means[:0], instance_labels[:0]
        weights = affinity(
            instance_means, category_means, present, self.literal_affinity, self.temperature
        )
        return center_contributions(
            instance_means,
            instance_labels,
            category_means,
            weights,
            present,
            num_things=self.num_things_classes,
            instances=self.instances,
        )
