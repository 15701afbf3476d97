"""The embedding interaction of Fig. 4: instances move the semantic centers, Eq. (2)-(4).

Shape shorthand:
    B: images of a batch
    C: categories, C_th of them things (first)
    K: most instances of an image
    D: embedding width
    h, w: map at stride 4
"""

from __future__ import annotations

import torch
from mmdet.registry import MODELS
from mmengine.model import BaseModule
from torch import Tensor

from ...functional.interaction import affinity, calibrate, center_contributions, unit

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
        calibration: Use of Eq. (4) in training. ``'extra'``: the classifier learns from the raw
            embedding, and an additional, weighted term asks that it takes the centers of things for
            their categories as it is (default); ``'replace'``: it sees the calibrated embedding
            only, as printed; ``'none'``: the raw one only.
        center_length: Length of a center in that additional term. A mean of unit vectors is at most
            1 long and the S that the classifier learns from 20 to 30 after a training. The shorter
            it is, the farther apart centers have to be.
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
        center_length: float = 10.0,
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
        for name, value in (('temperature', temperature), ('center_length', center_length)):
            if value <= 0:
                raise ValueError(f'InteractionHead: {name} must be positive, got {value}')
        self.num_things_classes = num_things_classes
        num_classes = num_things_classes + num_stuff_classes
        self.sem_aug = sem_aug
        self.calibration = calibration if sem_aug else 'none'
        self.center_length = center_length
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
        instance_means: Tensor,
        instance_labels: Tensor,
        visible: Tensor,
        category_means: Tensor,
        present: Tensor,
    ) -> Tensor:
        """Q as each image sees it; in training mode the sums are staged for the next commit.

        Args:
            instance_means: E, (B, K, D) float.
            instance_labels: (B, K) long in [0, C_th).
            visible: (B, K) bool, instances that count.
            category_means: V, (B, C, D) float; rows of absent categories are ignored.
            present: (B, C) bool, categories that have pixels in the image.

        Returns:
            (B, C, D) float32, differentiable with respect to E and V.
        """
        weights = affinity(
            instance_means, category_means, present, self.literal_affinity, self.temperature
        )
        numerators, denominators = center_contributions(
            instance_means,
            instance_labels,
            category_means,
            weights,
            present,
            num_things=self.num_things_classes,
            instances=self.instances,
            visible=visible if self.sem_aug else torch.zeros_like(visible),
        )
        if self.training:
            self.centers.stage(numerators.sum(0), denominators.sum(0))
        return self.centers.updated(numerators, denominators)

    def calibrated(self, semantic_embedding: Tensor, labels: Tensor, centers: Tensor) -> Tensor:
        """Thing pixels become their center, Eq. (4).

        Args:
            semantic_embedding: S, (B, D, h, w) float.
            labels: (B, h, w) long, -1 where ignored.
            centers: Q of each image, (B, C, D).

        Returns:
            (B, D, h, w), in the type of S.
        """
        pixels = semantic_embedding.flatten(2).mT
        calibrated = calibrate(pixels, labels.flatten(1), centers, self.is_thing)
        return calibrated.mT.reshape_as(semantic_embedding)

    def thing_centers(self, centers: Tensor) -> Tensor:
        """What the classifier is shown of Q in the additional term.

        Args:
            centers: Q of each image, (B, C, D).

        Returns:
            (B, C_th, D), vectors of ``center_length``, or 0 where there is no center yet.
        """
        return self.center_length * unit(centers[:, : self.num_things_classes])
