"""Your own data: semantic and instance maps, or COCO's instances, to panoptic annotations."""

import json
import shutil
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as rle_masks

from einet.datasets import PanopticDataset
from einet.datasets.conversion import panoptic_from_maps
from einet.datasets.conversion.command import run_splits
from einet.datasets.conversion.panoptic_from_maps import MapFiles, convert_maps
from einet.structures.id_map import read_id_map

CATEGORIES = [
    dict(id=7, name='road', isthing=0),
    dict(id=300, name='car', isthing=1),
    dict(id=0, name='man', isthing=1),
]
# Rows: men 1 and 2, a crowd of men; car 1 and car 2; road with an instance value; void (255).
SEMANTIC = np.array([[0, 0, 0, 0, 7], [300, 300, 300, 255, 7], [300, 7, 7, 7, 255]])
INSTANCES = np.array([[1, 2, 2, 0, 0], [1, 1, 2, 9, 5], [1, 0, 5, 5, 0]])
# (category id, crowd, pixels as (y, x)) in the order of ids.
EXPECTED = [
    (0, 1, {(0, 3)}),
    (0, 0, {(0, 0)}),
    (0, 0, {(0, 1), (0, 2)}),
    (7, 0, {(0, 4), (1, 4), (2, 1), (2, 2), (2, 3)}),
    (300, 0, {(1, 0), (1, 1), (2, 0)}),
    (300, 0, {(1, 2)}),
]


class Source:
    """Folders of a data set of one's own; every image has the maps above."""

    def __init__(self, root: Path, names: tuple[str, ...] = ('a.jpg', 'sub/b.png')) -> None:
        self.root, self.names = root, names
        self.instances, self.suffixes, self.options = root / 'instances', {}, {}
        for name in names:
            self.write('images', name, np.full((3, 5, 3), 90, np.uint8))
            stem = Path(name).with_suffix('.png')
            self.write('semantic', stem, SEMANTIC.astype(np.uint16))
            self.write('instances', stem, INSTANCES.astype(np.uint8))
        self.categories(CATEGORIES)

    def write(self, folder: str, name: str | Path, values: np.ndarray) -> Path:
        path = self.root / folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(path), values)
        return path

    def categories(self, content) -> None:
        (self.root / 'categories.json').write_text(json.dumps(content))

    def run(self, name: str = 'train') -> None:
        folders = (self.root / 'images', self.root / 'semantic', self.instances)
        files = MapFiles(*folders, **self.suffixes)
        outputs = (self.root / 'categories.json', self.root / 'out')
        run_splits([name], lambda name: convert_maps(files, *outputs, name, **self.options))

    def segments(self, index: int = 0) -> list[tuple]:
        content = json.loads((self.root / 'out' / 'panoptic_train.json').read_text())
        annotation = content['annotations'][index]
        path = self.root / 'out' / 'panoptic_train' / annotation['file_name']
        id_map = read_id_map(str(path))
        found = []
        for segment in annotation['segments_info']:
            y, x = np.nonzero(id_map == segment['id'])
            pixels = set(zip(y.tolist(), x.tolist(), strict=True))
            assert segment['area'] == len(pixels)
            found.append((segment['category_id'], segment['iscrowd'], pixels))
        assert set(np.unique(id_map)) - {0} == {s['id'] for s in annotation['segments_info']}
        return found


@pytest.fixture
def source(tmp_path) -> Source:
    return Source(tmp_path)


def test_segments(source):
    source.run()
    for index in range(2):
        assert source.segments(index) == EXPECTED


def test_it_is_a_panoptic_dataset(source):
    source.run()
    dataset = PanopticDataset(
        ann_file='out/panoptic_train.json',
        data_root=str(source.root),
        data_prefix=dict(img='images', seg='out/panoptic_train'),
        metainfo=dict(thing_classes=('man', 'car'), stuff_classes=('road',)),
        pipeline=[
            dict(type='LoadImageFromFile'),
            dict(type='LoadPanopticSegments'),
            dict(type='PackPanopticInputs'),
        ],
    )
    sample = dataset[1]['data_samples']
    assert sample.img_id == 'sub/b'
    assert sample.gt_sem_seg.sem_seg[0].tolist() == [
        [0, 0, 0, 255, 2],
        [1, 1, 1, 255, 2],
        [1, 2, 2, 2, 255],
    ]
    assert sample.gt_instances.labels.tolist() == [0, 0, 1, 1]
    assert sample.gt_instances.areas.tolist() == [1, 2, 3, 1]


@pytest.mark.parametrize('form', ['rgb', 'palette', '8 bit'])
def test_forms_of_maps(source, form):
    if form == 'rgb':  # 16-bit numbers: red is the low byte
        large = np.where(INSTANCES > 0, INSTANCES * 256 + 1, 0)
        bgr = np.stack([large >> 16, large >> 8 & 255, large & 255], axis=-1)
        source.write('instances', 'a.png', bgr.astype(np.uint8))
    else:
        source.categories([dict(c, id=min(c['id'], 8)) for c in CATEGORIES])
        image = Image.fromarray(np.where(SEMANTIC == 300, 8, SEMANTIC).astype(np.uint8))
        if form == 'palette':
            image.putpalette([5, 6, 7] * 256)
        for name in ('a.png', 'sub/b.png'):
            image.save(source.root / 'semantic' / name)
    source.run()
    expected = [(c if form == 'rgb' else min(c, 8), crowd, p) for c, crowd, p in EXPECTED]
    assert source.segments() == expected


def test_suffixes_void_and_split(source):
    for folder, suffix in (('semantic', '_labels.png'), ('instances', '_ids.png')):
        for path in list((source.root / folder).rglob('*.png')):
            path.rename(path.with_name(f'{path.stem}{suffix}'))
    source.suffixes = dict(semantic_suffix='_labels.png', instances_suffix='_ids.png')
    source.options = dict(void=7)
    source.categories([c for c in CATEGORIES if c['id'] != 7] + [dict(id=255, name='x', isthing=0)])
    source.run('val')
    out = source.root / 'out'
    assert (out / 'panoptic_val' / 'sub' / 'b.png').is_file()
    content = json.loads((out / 'panoptic_val.json').read_text())
    used = {s['category_id'] for s in content['annotations'][0]['segments_info']}
    assert used == {0, 255, 300}


def polygon(*corners: int) -> list[list[int]]:
    return [list(corners)]


def coco(source: Source, objects: list[dict], **kwargs) -> None:
    content = dict(
        images=[
            dict(id=i, file_name=name, height=3, width=5) for i, name in enumerate(source.names)
        ],
        categories=[dict(id=1, name='car'), dict(id=2, name='man')],
        annotations=[dict(id=i, image_id=0, iscrowd=0) | a for i, a in enumerate(objects)],
    )
    source.instances = source.root / 'instances.json'
    source.instances.write_text(json.dumps(content | kwargs))


def compressed(mask: np.ndarray) -> dict:
    rle = rle_masks.encode(np.asfortranarray(mask.astype(np.uint8)))
    return dict(rle, counts=rle['counts'].decode())


def test_cocos_instances(source):
    """Small before large, both before a crowd, all before the semantic map."""
    source.write('semantic', 'a.png', np.full((3, 5), 7, np.uint16))
    small, large = np.zeros((2, 3, 5), bool)
    small[1, 1], large[:2, :3] = True, True
    coco(
        source,
        [
            dict(category_id=2, segmentation=compressed(small)),
            dict(category_id=1, segmentation=polygon(0, 0, 3, 0, 3, 2, 0, 2)),
            dict(category_id=1, iscrowd=1, segmentation=dict(size=[3, 5], counts=[0, 15])),
        ],
    )
    source.run()
    everywhere = {(y, x) for y in range(3) for x in range(5)}
    square = {(y, x) for y in range(2) for x in range(3)}
    assert source.segments() == [
        (0, 0, {(1, 1)}),
        (300, 1, everywhere - square),
        (300, 0, square - {(1, 1)}),
    ]
    # The other image has no instances: its men and cars are crowd.
    assert [s[:2] for s in source.segments(1)] == [(0, 1), (7, 0), (300, 1)]


@pytest.mark.parametrize(
    ('annotation', 'message'),
    [
        (dict(segmentation=dict(size=[5, 3], counts=[0, 15])), r'the mask of annotation 0 3 x 5'),
        (dict(segmentation=None), 'annotation 0 is neither polygons nor RLE'),
        (dict(segmentation=[]), 'annotation 0 is neither polygons nor RLE'),
    ],
)
def test_wrong_masks(source, capsys, annotation, message):
    coco(source, [dict(category_id=1) | annotation])
    with pytest.raises(SystemExit):
        source.run()
    out = capsys.readouterr().out
    assert message in out
    assert 'a.jpg' in out


@pytest.mark.parametrize(
    ('changes', 'message'),
    [
        (dict(images=[], annotations=[]), 'no image with the file_name a.jpg'),
        (dict(annotations=[dict(id=4, image_id=9, category_id=1)]), 'annotation 4 is of no image'),
        (
            dict(categories=[dict(id=1, name='road')]),
            r"annotations of \['road'\], .*\['car', 'man'",
        ),
        (dict(categories=[]), r"annotations of \['1'\], which are no things"),
    ],
)
def test_wrong_coco_files(source, changes, message):
    coco(source, [dict(category_id=1, segmentation=polygon(0, 0, 3, 0, 3, 2))], **changes)
    with pytest.raises(SystemExit, match=message):
        source.run()


def test_coco_file_without_lists(source):
    coco(source, [])
    source.instances.write_text('{"images": []}')
    with pytest.raises(SystemExit, match="lacks the list 'categories'"):
        source.run()


@pytest.mark.parametrize(
    ('categories', 'message'),
    [
        ({'car': 1}, 'give a list of'),
        ([dict(id=1, name='car')], r'give it `id`, `name` and `isthing`'),
        ([dict(id=1, name='sky', isthing=0)], r'categories\.json: .*thing_classes is empty'),
        ([dict(id=1, name=n, isthing=1) for n in 'ab'], 'Two categories have the same id'),
        ([dict(id=255, name='car', isthing=1)], 'or is the void value 255'),
        ([dict(id=-1, name='car', isthing=1)], r'is not in 0\.\.65535'),
        ([dict(id='1', name='car', isthing=1)], r"the id of \{'id': '1', .* is not in 0\.\.65535"),
    ],
)
def test_wrong_categories(source, categories, message):
    source.categories(categories)
    with pytest.raises(SystemExit, match=message):
        source.run()


def test_unknown_value(source, capsys):
    source.categories(CATEGORIES[1:])
    with pytest.raises(SystemExit):
        source.run()
    out = capsys.readouterr().out
    assert 'semantic/a.png has the values [7], which are ids of no category' in out
    assert '2 of 2 images failed' in out


@pytest.mark.parametrize('instances', [INSTANCES, np.where(SEMANTIC == 300, 255, 0)])
def test_mask_of_0_and_255(source, capsys, instances):
    source.write('semantic', 'sub/b.png', np.where(SEMANTIC == 300, 255, 7).astype(np.uint16))
    source.write('instances', 'sub/b.png', np.where(SEMANTIC == 300, instances, 0).astype(np.uint8))
    with pytest.raises(SystemExit):
        source.run()
    out = capsys.readouterr().out
    assert '1 of 2 images failed' in out
    assert f'semantic/sub/b.png: all {1 if instances.max() == 255 else 2} objects' in out
    assert '255 is the void value' in out
    assert '--void' in out


def test_void_may_have_objects_beside_things_and_numbers_of_stuff(source):
    source.write('instances', 'a.png', np.where(SEMANTIC == 255, 9, INSTANCES).astype(np.uint8))
    source.write('semantic', 'sub/b.png', np.array([[7, 255, 7, 7, 7]] * 3, np.uint16))
    source.write('instances', 'sub/b.png', np.full((3, 5), 4, np.uint8))
    source.run()
    assert source.segments() == EXPECTED
    assert [segment[:2] for segment in source.segments(1)] == [(7, 0)]


def test_split_without_a_single_object(source):
    for name in ('a.png', 'sub/b.png'):
        source.write('instances', name, np.zeros((3, 5), np.uint8))
    with pytest.raises(
        SystemExit, match=r'panoptic_train\.json is written.*no single object.*--void.*--overwrite'
    ):
        source.run()
    assert [s[:2] for s in source.segments()] == [(0, 1), (7, 0), (300, 1)]
    for name in ('a.png', 'sub/b.png'):
        source.write('instances', name, INSTANCES.astype(np.uint8))
    source.options = dict(overwrite=True)
    source.run()
    assert source.segments() == source.segments(1) == EXPECTED


@pytest.mark.parametrize('folder', ['images', 'semantic', 'instances'])
@pytest.mark.parametrize('damage', ['cut off', 'missing', 'another size', 'colors'])
def test_damaged_input(source, capsys, folder, damage):
    path = next((source.root / folder).glob('a.*'))
    if damage == 'missing':
        path.unlink()
        if folder == 'images':
            source.run()
            return
    elif damage == 'cut off':
        path.write_bytes(path.read_bytes()[:-30])
    elif damage == 'another size':
        values = cv2.imread(str(path), cv2.IMREAD_UNCHANGED)
        cv2.imwrite(str(path), values[:2])
    elif folder == 'semantic':
        cv2.imwrite(str(path), np.zeros((3, 5, 3), np.uint8))
    else:
        pytest.skip('colors are fine here')
    with pytest.raises(SystemExit):
        source.run()
    out = capsys.readouterr().out
    assert '1 of 2 images failed' in out
    assert str(path) in out


def test_images_of_one_name(source):
    source.write('images', 'a.png', np.zeros((3, 5, 3), np.uint8))
    with pytest.raises(SystemExit, match=r'a\.png and .*a\.jpg have the same name'):
        source.run()


def test_no_images(source):
    shutil.rmtree(source.root / 'images')
    with pytest.raises(SystemExit, match='has no images'):
        source.run()


def test_image_turned_by_its_exif_tag(source):
    """mmcv turns it when it is loaded, so the maps have the turned size."""
    image = Image.fromarray(np.zeros((5, 3, 3), np.uint8))
    exif = image.getexif()
    exif[0x0112] = 6
    image.save(source.root / 'images' / 'a.jpg', exif=exif)
    source.run()
    content = json.loads((source.root / 'out' / 'panoptic_train.json').read_text())
    assert (content['images'][0]['width'], content['images'][0]['height']) == (5, 3)
    assert cv2.imread(str(source.root / 'images' / 'a.jpg')).shape == (3, 5, 3)


def test_restart_after_an_interruption(source, monkeypatch, capsys):
    source.run()
    out = source.root / 'out'
    expected = {p: p.read_bytes() for p in out.rglob('*') if p.is_file()}
    shutil.rmtree(out)

    def interrupted(item, **kwargs):
        if item.file_name.startswith('sub'):
            raise KeyboardInterrupt
        return convert(item, **kwargs)

    convert = panoptic_from_maps.convert_image
    monkeypatch.setattr(panoptic_from_maps, 'convert_image', interrupted)
    with pytest.raises(SystemExit, match='Interrupted'):
        source.run()
    assert (out / 'panoptic_train.json.partial').exists()
    capsys.readouterr()
    monkeypatch.undo()
    source.run()
    assert '1 of them done before' in capsys.readouterr().out
    assert {p: p.read_bytes() for p in out.rglob('*') if p.is_file()} == expected


def test_journal_of_other_categories(source):
    source.write('semantic', 'a.png', np.zeros((1, 1), np.uint8))
    with pytest.raises(SystemExit):
        source.run()
    source.categories([dict(c, color=[1, 2, 3]) for c in CATEGORIES])
    with pytest.raises(SystemExit, match=r'partial exists with other categories'):
        source.run()
