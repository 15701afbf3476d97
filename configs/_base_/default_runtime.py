# What every training shares: hooks, logs, checkpoints, drawing. Counts iterations, not epochs.
default_scope = 'mmdet'
custom_imports = dict(imports=['einet'], allow_failed_imports=False)

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50, log_metric_by_epoch=False),
    param_scheduler=dict(type='ParamSchedulerHook'),
    class_names=dict(type='ClassNamesHook'),
    evaluation_check=dict(type='EvaluationCheckHook'),
    resume_schedule=dict(type='ResumeScheduleHook'),
    non_finite=dict(type='NonFiniteHook'),
    checkpoint=dict(
        type='SafeCheckpointHook',
        by_epoch=False,
        interval=5000,
        max_keep_ckpts=2,
        save_best='panoptic/PQ',
        rule='greater',
    ),
    same_buffers=dict(type='SameBuffersHook'),
    cpu_inference=dict(type='CPUInferenceHook'),
    cpu_threads=dict(type='CPUThreadsHook'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    visualization=dict(type='PanopticVisualizationHook'),
)

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),  # the tools use gloo where there is no GPU
)
randomness = dict(seed=0)

vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(type='PanopticLocalVisualizer', vis_backends=vis_backends, name='visualizer')
log_processor = dict(type='LogProcessor', window_size=50, by_epoch=False)

log_level = 'INFO'
load_from = None
resume = False
