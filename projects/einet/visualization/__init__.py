"""Drawing: panoptic maps, heatmaps, embeddings, targets, contact sheets; mmdet's visualizer."""

from .centers import plot_centers
from .colors import SegmentColors, segment_colors, track_colors
from .curves import draw_curves, read_curves
from .ground_truth import check_ground_truth, ground_truth
from .local_visualizer import PanopticLocalVisualizer
from .maps import embedding_colors, heatmap_overlay
from .network import NetworkView, run_network
from .panels import PANEL_TITLES, model_panels
from .panoptic import draw_panoptic, resize_pair
from .sheet import SheetRow, compose_sheet, panel_size, titled, wrapped_rows
from .targets import target_panels

__all__ = [
    'PANEL_TITLES',
    'NetworkView',
    'PanopticLocalVisualizer',
    'SegmentColors',
    'SheetRow',
    'check_ground_truth',
    'compose_sheet',
    'draw_curves',
    'draw_panoptic',
    'embedding_colors',
    'ground_truth',
    'heatmap_overlay',
    'model_panels',
    'panel_size',
    'plot_centers',
    'read_curves',
    'resize_pair',
    'run_network',
    'segment_colors',
    'target_panels',
    'titled',
    'track_colors',
    'wrapped_rows',
]
