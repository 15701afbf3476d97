"""Heads: embeddings, attention, centroid heatmap (Fig. 2), interaction (Fig. 4); the baseline's."""

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
