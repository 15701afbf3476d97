# Rows of docs/study.md: changes of a small EINet's config, by name, for compare.py --variants.

# The small presets of version 0.1.0, but with today's norms, and Eq. 4 as printed.
_before = {
    'model.interaction.instances': 'all',
    'model.semantic_head.hidden_channels': None,
    'model.instance_head.position_scale': 16.0,
    'model.interaction.calibration': 'replace',
    'model.criterion.losses.heatmap.loss_weight': 1.0,
    'model.criterion.losses.center.loss_weight': 0.1,
    'model.criterion.losses.center.category_reduction': 'sum',
    'model.criterion.losses.consistency.loss_weight': 0.01,
    'model.criterion.losses.consistency.categories': 'present',
    'model.criterion.losses.centroid.loss_weight': 10.0,
    'model.targets.min_radius': 2,
    'model.fusion.kernel_size': 5,
    'model.fusion.peak_threshold': 0.2,
    'model.fusion.grouping': 'class',
}
variants = dict(
    # No interaction, all else as it is now.
    none={
        'model.interaction.sem_aug': False,
        'model.criterion.losses.consistency': None,
        'model.criterion.losses.centroid': None,
    },
    # R_ins against the centers of the image's classes alone, as printed; of the nearest other class
    # as well; of all classes seen so far. One of the first two is what the preset has.
    present={'model.criterion.losses.consistency.categories': 'present'},
    nearest={'model.criterion.losses.consistency.categories': 'nearest'},
    seen={'model.criterion.losses.consistency.categories': 'seen'},
    before=_before,
    # Every equation as printed, see ablation/literal_all_r50_cityscapes.py.
    printed={
        **_before,
        'model.esm.reduction': 'sum',
        'model.interaction.literal_affinity': True,
        'model.interaction.centers.normalize': False,
        'model.criterion.losses.center.reduction': 'sum',
        'model.criterion.losses.centroid.reduction': 'sum',
    },
    # One repair at a time.
    own={**_before, 'model.interaction.instances': 'own'},
    extra={**_before, 'model.interaction.calibration': 'extra'},
    center={
        **_before,
        'model.criterion.losses.center.category_reduction': 'mean',
        'model.criterion.losses.center.loss_weight': 0.01,
    },
    centroid={**_before, 'model.criterion.losses.centroid.loss_weight': 1.0},
    consistency={**_before, 'model.criterion.losses.consistency.loss_weight': 1.0},
    hidden={**_before, 'model.semantic_head.hidden_channels': 64},
    peaks={
        **_before,
        'model.instance_head.position_scale': 8.0,
        'model.criterion.losses.heatmap.loss_weight': 2.0,
    },
    grouping={**_before, 'model.fusion.grouping': 'vote'},
)
