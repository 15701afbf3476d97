import json

import pytest
from mmdet.registry import MODELS
from mmengine.config import Config

from einet.deployment import describe_model

from ..models.tiny import tiny_model
from ..paths import CONFIGS

PIPELINE = 'test_dataloader.dataset.pipeline'


def _described(file, **options):
    config = Config.fromfile(CONFIGS / file)
    config.merge_from_dict(options)
    counts = {key: config.model[key] for key in ('num_things_classes', 'num_stuff_classes')}
    model = MODELS.build(tiny_model(**counts, fusion=config.model.fusion))
    return describe_model(model, config)


def test_the_nuclei_model_is_described():
    described = _described('einet_r18_nuclei.py')
    assert json.loads(json.dumps(described)) == described
    assert described['categories'] == [
        dict(id=1, name='nucleus', isthing=1, color=[250, 170, 30]),
        dict(id=2, name='background', isthing=0, color=[70, 70, 110]),
    ]
    assert described['channels'] == 'rgb'
    assert described['mean'] == pytest.approx([123.675, 116.28, 103.53])
    assert described['std'] == pytest.approx([58.395, 57.12, 57.375])
    assert (described['pad_size_divisor'], described['pad_value']) == (16, 0)
    assert described['resize'] == dict(scale=[640, 640], scale_factor=None, keep_ratio=True)
    assert described['grouping'] == 'vote'
    assert described['thresholds'] == dict(
        kernel_size=7,
        peak_threshold=0.3,
        top_k=300,
        stuff_area=0,
        class_weight=4.0,
        max_distance=1.5,
        min_peak_distance=0.0,
    )


def test_ids_are_those_of_the_annotation_file(coco_sample_root, nuclei_root):
    for file, root in (
        ('einet_r18_coco-sample.py', coco_sample_root),
        ('einet_r18_nuclei.py', nuclei_root),
    ):
        options = {'test_dataloader.dataset.data_root': str(root)}
        found = _described(file, **options)['categories']
        name = next(path for path in (root / 'annotations').glob('*train*.json'))
        ids = {
            category['name']: category['id']
            for category in json.loads(name.read_text())['categories']
        }
        assert {category['name']: category['id'] for category in found} == ids


def test_coco_s_ids_are_known_without_its_file():
    categories = _described('einet_r50_coco.py')['categories']
    assert categories[12]['name'] == 'parking meter' and categories[12]['id'] == 14
    assert categories[-1] == dict(categories[-1], id=200, isthing=0)


def test_an_image_may_keep_its_size():
    assert _described('einet_r18_coco-sample.py')['resize'] == {}


@pytest.mark.parametrize(
    'step',
    [dict(type='Pad', size=(640, 640)), dict(type='Resize', scale=(640, 640), backend='pillow')],
    ids=['Pad', 'backend'],
)
def test_a_pipeline_that_changes_images_otherwise_is_refused(step):
    loading = [dict(type='LoadImageFromFile')]
    with pytest.raises(ValueError, match=f'has {step["type"]} with .*test_dataloader') as info:
        _described('einet_r18_nuclei.py', **{PIPELINE: [*loading, step]})
    assert '\n' not in str(info.value)


def test_other_class_counts_are_refused():
    with pytest.raises(ValueError, match='has 1 thing and 0 stuff classes'):
        _described(
            'einet_r18_nuclei.py',
            **{
                'test_dataloader.dataset.metainfo': dict(
                    thing_classes=('nucleus',), stuff_classes=(), palette=None
                )
            },
        )
