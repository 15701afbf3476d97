"""Hooks for mmengine's Runner."""

from .checkpoint_hook import SafeCheckpointHook
from .class_names_hook import ClassNamesHook
from .cpu_inference_hook import CPUInferenceHook
from .cpu_threads_hook import CPUThreadsHook
from .evaluation_check_hook import EvaluationCheckHook
from .non_finite_hook import NonFiniteHook
from .panoptic_visualization_hook import PanopticVisualizationHook
from .resume_schedule_hook import ResumeScheduleHook
from .same_buffers_hook import SameBuffersHook
from .semantic_centers_hook import SemanticCentersHook

__all__ = [
    'CPUInferenceHook',
    'CPUThreadsHook',
    'ClassNamesHook',
    'EvaluationCheckHook',
    'NonFiniteHook',
    'PanopticVisualizationHook',
    'ResumeScheduleHook',
    'SafeCheckpointHook',
    'SameBuffersHook',
    'SemanticCentersHook',
]
