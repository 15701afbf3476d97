"""From backbone features to the features that the embeddings are read from (supp. Fig. 1)."""

from .instance import InstanceDecoder
from .semantic import SemanticDecoder

__all__ = ['InstanceDecoder', 'SemanticDecoder']
