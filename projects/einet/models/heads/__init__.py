"""Heads: embeddings, their attention, the centroid heatmap (Fig. 2), the interaction (Fig. 4)."""

from .centroid_heatmap import CentroidHeatmapHead
from .instance_embedding import InstanceEmbedding, InstanceEmbeddingHead
from .interaction import InteractionHead
from .semantic_embedding import SemanticEmbedding, SemanticEmbeddingHead

__all__ = [
    'CentroidHeatmapHead',
    'InstanceEmbedding',
    'InstanceEmbeddingHead',
    'InteractionHead',
    'SemanticEmbedding',
    'SemanticEmbeddingHead',
]
