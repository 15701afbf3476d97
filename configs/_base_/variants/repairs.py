# Rows of docs/study.md: changes of an EINet config, by name, for compare.py --variants.

# Every equation as printed, see ablation/literal_all_r50_cityscapes.py.
_printed = {
    'model.esm.reduction': 'sum',
    'model.interaction.literal_affinity': True,
    'model.interaction.instances': 'all',
    'model.interaction.calibration': 'replace',
    'model.interaction.centers.normalize': False,
    'model.criterion.losses.center.reduction': 'sum',
    'model.criterion.losses.center.category_reduction': 'sum',
    'model.criterion.losses.centroid.reduction': 'sum',
}
# The defaults of version 0.1.0.
_before = {
    'model.interaction.instances': 'all',
    'model.criterion.calibrated_weight': 1.0,
    'model.criterion.losses.semantic.loss_weight': 0.5,
    'model.criterion.losses.center.category_reduction': 'sum',
}
variants = dict(
    printed=_printed,
    before=_before,
    # One repair at a time.
    own={**_before, 'model.interaction.instances': 'own'},
    extra={
        **_before,
        'model.criterion.calibrated_weight': 0.5,
        'model.criterion.losses.semantic.loss_weight': 1.0,
    },
    mean={**_before, 'model.criterion.losses.center.category_reduction': 'mean'},
    # All repairs, but no interaction.
    none={
        'model.interaction.sem_aug': False,
        'model.criterion.losses.consistency': None,
        'model.criterion.losses.centroid': None,
    },
)
