# Rows of docs/study.md: changes of a small EINet's config, by name, for compare.py --variants.

# What was repaired since version 0.1.0, each undone alone.
_undone = dict(
    instances_all={'model.interaction.instances': 'all'},
    # Eq. 4 as printed; version 0.1.0 took the mean of that loss and the raw embedding's.
    calibration_replace={'model.interaction.calibration': 'replace'},
    center_sum={
        'model.criterion.losses.center.loss_weight': 0.1,
        'model.criterion.losses.center.category_reduction': 'sum',
    },
    centroid_10={'model.criterion.losses.centroid.loss_weight': 10.0},
    consistency_001={
        'model.criterion.losses.consistency.loss_weight': 0.01,
        'model.criterion.losses.consistency.categories': 'present',
    },
    linear_semantics={'model.semantic_head.hidden_channels': None},
    peaks={
        'model.instance_head.position_scale': 16.0,
        'model.criterion.losses.heatmap.loss_weight': 1.0,
        'model.targets.min_radius': 2,
        'model.fusion.kernel_size': 5,
        'model.fusion.peak_threshold': 0.2,
    },
    grouping_class={'model.fusion.grouping': 'class'},
)
_before = {key: value for changes in _undone.values() for key, value in changes.items()}
variants = dict(
    # No interaction, all else as it is now.
    none={
        'model.interaction.sem_aug': False,
        'model.criterion.losses.consistency': None,
        'model.criterion.losses.centroid': None,
    },
    # No calibrated term.
    calibration_none={'model.interaction.calibration': 'none'},
    **_undone,
    # R_ins against the centers of the image's classes alone, as printed; of the nearest other class
    # as well; of all classes seen so far. One of the first two is what the preset has.
    present={'model.criterion.losses.consistency.categories': 'present'},
    nearest={'model.criterion.losses.consistency.categories': 'nearest'},
    seen={'model.criterion.losses.consistency.categories': 'seen'},
    # All undone, with today's norms.
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
)
