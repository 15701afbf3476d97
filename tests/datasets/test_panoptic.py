from pathlib import Path

import pytest
from mmdet.registry import DATASETS

from einet.datasets import PanopticDataset

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='PackPanopticInputs'),
]


def test_data_info(two_images):
    info = PanopticDataset(**two_images.arguments())[0]
    root = two_images.root
    assert Path(info['img_path']) == root / 'images' / 'photo_0.jpg'
    assert Path(info['seg_map_path']) == root / 'maps' / 'labels_of_0.png'
    assert (info['img_id'], info['height'], info['width']) == (0, 3, 5)
    assert (info['num_classes'], info['num_things_classes']) == (4, 2)
    assert info['segments_info'] == [
        dict(id=256, category=3, is_thing=False, iscrowd=0),
        dict(id=3, category=1, is_thing=True, iscrowd=0),
        dict(id=70000, category=1, is_thing=True, iscrowd=0),
    ]


def test_metainfo(two_images):
    dataset = PanopticDataset(**two_images.arguments())
    assert dataset.metainfo['classes'] == ('man', 'car', 'tree', 'sky')
    assert dataset.category_ids == [5, 7, 12, 30]
    assert len(dataset.metainfo['palette']) == 4


def test_pipeline(two_images):
    dataset = DATASETS.build(
        dict(type='PanopticDataset', **two_images.arguments(pipeline=PIPELINE))
    )
    first, second = (dataset[i]['data_samples'] for i in range(2))
    assert first.gt_sem_seg.sem_seg.tolist() == [
        [[3, 3, 3, 3, 3], [1, 1, 3, 3, 255], [1, 255, 255, 1, 1]]
    ]
    assert first.gt_instances.areas.tolist() == [2, 3]
    assert first.seg_map_path.endswith('labels_of_0.png')
    assert first.num_classes == 4
    assert (second.gt_sem_seg.sem_seg == 255).all()


def test_a_transform_that_fails_is_told_the_image(two_images):
    too_narrow = dict(type='Resize', scale_factor=0.05, keep_ratio=True)
    dataset = PanopticDataset(**two_images.arguments(pipeline=[PIPELINE[0], too_narrow]))
    path = two_images.root / 'images' / 'photo_0.jpg'
    with pytest.raises(ValueError, match=rf'{path} \(5 x 3 in the annotation\): error: .*resize'):
        dataset[0]
    path.write_bytes(path.read_bytes()[:40])
    damaged = PanopticDataset(**two_images.arguments(pipeline=PIPELINE))
    with pytest.raises(Exception, match=str(path)):
        damaged[0]


def test_crowd_is_no_thing_as_in_mmdet(panoptic_folder):
    panoptic_folder.add([[8, 9]], [(8, 7, 1), (9, 7)])
    dataset = PanopticDataset(**panoptic_folder.arguments())
    crowd, car = dataset[0]['segments_info']
    assert (crowd['iscrowd'], crowd['is_thing']) == (1, False)
    assert (car['iscrowd'], car['is_thing']) == (0, True)


def test_balancing_samplers_see_the_labels(two_images):
    dataset = PanopticDataset(**two_images.arguments())
    assert [dataset.get_cat_ids(i) for i in range(2)] == [[1, 3], []]


@pytest.mark.parametrize('annotations', [None, []])
def test_test_images_without_ground_truth(two_images, annotations):
    two_images.content['annotations'] = annotations
    if annotations is None:
        del two_images.content['annotations']
    dataset = PanopticDataset(**two_images.arguments(test_mode=True, pipeline=PIPELINE))
    assert len(dataset) == 2
    sample = dataset[0]['data_samples']
    assert sample.seg_map_path is None
    assert 'gt_sem_seg' not in sample


def test_everything_is_kept_by_default(two_images):
    assert len(PanopticDataset(**two_images.arguments())) == 2


def test_filter_cfg(two_images):
    filter_cfg = dict(filter_empty_gt=True)
    dataset = PanopticDataset(**two_images.arguments(filter_cfg=filter_cfg))
    assert [dataset[i]['img_id'] for i in range(len(dataset))] == [0]
    dataset = PanopticDataset(**two_images.arguments(filter_cfg=filter_cfg, test_mode=True))
    assert len(dataset) == 2
    dataset = PanopticDataset(**two_images.arguments(filter_cfg=dict(min_size=4)))
    assert [dataset[i]['img_id'] for i in range(len(dataset))] == [1]


def test_filter_that_leaves_nothing(two_images):
    with pytest.raises(ValueError, match=r"'min_size': 99.*none of the 2 images of .*panoptic"):
        PanopticDataset(**two_images.arguments(filter_cfg=dict(min_size=99)))


def test_unknown_filter(two_images):
    with pytest.raises(ValueError, match=r"\['minsize'\]; it takes filter_empty_gt and min_size"):
        PanopticDataset(**two_images.arguments(filter_cfg=dict(minsize=9)))


def test_missing_annotation_file(two_images):
    with pytest.raises(FileNotFoundError, match=r'nowhere/panoptic\.json.*check data_root'):
        PanopticDataset(**two_images.arguments(data_root='nowhere'))


def test_truncated_annotation_file(two_images):
    arguments = two_images.arguments()
    path = two_images.root / 'panoptic.json'
    path.write_text(path.read_text()[:-9])
    with pytest.raises(ValueError, match=r'panoptic\.json is not JSON or is cut off'):
        PanopticDataset(**arguments)


@pytest.mark.parametrize('key', ['categories', 'images', 'annotations'])
def test_file_without(two_images, key):
    del two_images.content[key]
    with pytest.raises(ValueError, match=rf"panoptic\.json: it lacks \['{key}'\]"):
        PanopticDataset(**two_images.arguments())


def test_empty_set(two_images):
    two_images.content['images'] = two_images.content['annotations'] = []
    with pytest.raises(ValueError, match=r'panoptic\.json: `images` is empty'):
        PanopticDataset(**two_images.arguments())


def test_classes_that_the_file_lacks(two_images):
    metainfo = dict(thing_classes=('man', 'car', 'dog'), stuff_classes=('tree', 'sky'))
    with pytest.raises(ValueError, match=r"panoptic\.json: only in the config: 'dog'"):
        PanopticDataset(**two_images.arguments(metainfo=metainfo))


def test_categories_that_the_config_lacks(two_images):
    metainfo = dict(thing_classes=('man', 'car'), stuff_classes=('tree',))
    with pytest.raises(ValueError, match=r"panoptic\.json: only in the file: 'sky'"):
        PanopticDataset(**two_images.arguments(metainfo=metainfo))


def test_stuff_listed_before_things(two_images):
    metainfo = dict(
        classes=('sky', 'man', 'car', 'tree'),
        thing_classes=('man', 'car'),
        stuff_classes=('sky', 'tree'),
    )
    with pytest.raises(ValueError, match="lists stuff before things: 'sky' come before 'car'"):
        PanopticDataset(**two_images.arguments(metainfo=metainfo))


def test_no_metainfo(two_images):
    with pytest.raises(ValueError, match='lacks thing_classes and stuff_classes'):
        PanopticDataset(**two_images.arguments(metainfo=None))


def test_image_without_annotation(two_images):
    del two_images.content['annotations'][0]
    for test_mode in (False, True):
        with pytest.raises(
            ValueError, match=r'panoptic\.json, image 0: photo_0\.jpg\. .*no annotation'
        ):
            PanopticDataset(**two_images.arguments(test_mode=test_mode))


@pytest.mark.parametrize(
    ('image_id', 'problem'),
    [(5, r'labels_of_1\.png has image_id 5\.'), (0, r'image 0: annotations .*0\.png and .*1\.png')],
)
def test_annotation_of_another_image(two_images, image_id, problem):
    two_images.content['annotations'][1]['image_id'] = image_id
    with pytest.raises(ValueError, match=problem):
        PanopticDataset(**two_images.arguments())


def test_two_images_with_one_id(two_images):
    two_images.content['images'][1]['id'] = 0
    with pytest.raises(
        ValueError, match=r'panoptic\.json, image 0: photo_0\.jpg and photo_1\.jpg\. .*same id'
    ):
        PanopticDataset(**two_images.arguments())


def test_image_without_size(two_images):
    del two_images.content['images'][1]['height']
    with pytest.raises(
        ValueError, match=r'image 1: `height` and `width` must be positive.*photo_1'
    ):
        PanopticDataset(**two_images.arguments())


def test_image_of_a_size_that_cannot_be_meant(two_images):
    two_images.content['images'][1].update(height=100_000, width=100_000)
    with pytest.raises(ValueError, match=r'image 1: .* at most 268435456 pixels.*photo_1'):
        PanopticDataset(**two_images.arguments())


@pytest.mark.parametrize('name', ['../photo_0.jpg', '/etc/passwd', 'a/../../b.jpg'])
@pytest.mark.parametrize('part', ['images', 'annotations'])
def test_files_outside_the_folders_are_refused(two_images, part, name):
    two_images.content[part][0]['file_name'] = name
    with pytest.raises(
        ValueError, match=rf'lies outside the folder.*{name}.*image 0|image 0.*{name}'
    ):
        PanopticDataset(**two_images.arguments())


@pytest.mark.parametrize('file', ['images/photo_0.jpg', 'maps/labels_of_0.png'])
def test_links_out_of_the_folders_are_refused_unless_allowed(two_images, file):
    arguments = two_images.arguments(pipeline=PIPELINE)
    path = two_images.root / file
    path.rename(two_images.root / 'elsewhere')
    path.symlink_to(two_images.root / 'elsewhere')
    with pytest.raises(ValueError, match=rf'{path.name} is a link to .*elsewhere'):
        PanopticDataset(**arguments)[0]
    assert 'data_samples' in PanopticDataset(**arguments, allow_links=True)[0]


def test_a_json_that_is_nested_without_end(two_images):
    arguments = two_images.arguments()
    (two_images.root / arguments['ann_file']).write_text('[' * 100_000)
    with pytest.raises(ValueError, match='is not JSON or is cut off.*recursion'):
        PanopticDataset(**arguments)


def test_a_json_beyond_all_measure(two_images, monkeypatch):
    arguments = two_images.arguments()
    monkeypatch.setattr('einet.datasets.panoptic.MAX_JSON_BYTES', 100)
    with pytest.raises(ValueError, match='has more than 100 bytes'):
        PanopticDataset(**arguments)


def test_instance_annotations_are_recognized(two_images):
    two_images.content['annotations'] = [dict(id=1, image_id=0, category_id=7, bbox=[0, 0, 1, 1])]
    with pytest.raises(
        ValueError, match=r"instance annotations \(instances_\*\.json\) are not COCO's panoptic"
    ):
        PanopticDataset(**two_images.arguments())


@pytest.mark.parametrize(
    ('wrong', 'message'),
    [
        (dict(category_id=1), r'category_id 1 .*not among the categories'),
        (dict(id=0), r'id 0, category_id 7 .*use ids from 1'),
        (dict(id=1 << 24), r'id 16777216, .* to 16777215'),
    ],
)
def test_segment_with_wrong_fields(two_images, wrong, message):
    two_images.content['annotations'][0]['segments_info'][1].update(wrong)
    with pytest.raises(ValueError, match=rf'panoptic\.json, image 0, segment \d+: {message}'):
        PanopticDataset(**two_images.arguments())


def test_segment_id_used_twice(two_images):
    two_images.content['annotations'][0]['segments_info'][1]['id'] = 256
    with pytest.raises(ValueError, match=r'segment 256: categories 30, 7 \(labels_of_0\.png\)'):
        PanopticDataset(**two_images.arguments())


def test_unknown_argument(two_images):
    with pytest.raises(TypeError, match='pipelines'):
        PanopticDataset(**two_images.arguments(pipelines=[]))


def test_missing_map_is_named_when_the_image_is_loaded(two_images):
    dataset = PanopticDataset(**two_images.arguments(pipeline=PIPELINE))
    (two_images.root / 'maps' / 'labels_of_1.png').unlink()
    with pytest.raises(FileNotFoundError, match=r'labels_of_1\.png'):
        dataset[1]


def test_an_undocumented_error_of_a_reader_becomes_a_documented_one(two_images):
    (two_images.root / 'images' / 'photo_0.jpg').write_bytes(b'no image')
    dataset = PanopticDataset(**two_images.arguments() | dict(pipeline=PIPELINE))
    with pytest.raises(ValueError, match=r'photo_0\.jpg.*AssertionError: failed to load image'):
        dataset.prepare_data(0)
