"""One function per defect: each spoils a :class:`SmallSet` in one way only."""

import copy
import json
from collections.abc import Callable
from typing import NamedTuple

import cv2
import numpy as np
from PIL import Image

from tests.datasets.conftest import write_ids

from .small_set import CAR, CATEGORY_OF, CROWD, HEIGHT, MAN, SKY, TREE, WIDTH, SmallSet, valid_map


class Defect(NamedTuple):
    """A planted defect.

    Attributes:
        kind: The only kind that is to be reported.
        named: What the finding must name: file, class, id.
        plant: Spoils the set before it is saved.
        exit_code: The tool's.
    """

    kind: str
    named: tuple[str, ...]
    plant: Callable[[SmallSet], None]
    exit_code: int


DEFECTS: list[Defect] = []


def defect(kind: str, *named: str, exit_code: int = 1) -> Callable:
    def register(plant: Callable[[SmallSet], None]) -> Callable[[SmallSet], None]:
        DEFECTS.append(Defect(kind, named, plant, exit_code))
        return plant

    return register


def warning(kind: str, *named: str) -> Callable:
    return defect(kind, *named, exit_code=0)


def metainfo(small: SmallSet, split: str = 'train') -> dict:
    return small.settings[f'{split}_dataloader']['dataset']['metainfo']


@defect('class-list', 'stuff before things', "'sky'")
def stuff_first(small):
    metainfo(small)['classes'] = ('sky', 'man', 'car', 'tree')


@defect('class-list', "repeat 'man'")
def class_listed_twice(small):
    for split in ('train', 'val', 'test'):
        metainfo(small, split)['stuff_classes'] = ('tree', 'sky', 'man')


@defect('splits-differ', 'val.json', 'the order differs')
def other_order_in_val(small):
    for split in ('val', 'test'):
        metainfo(small, split)['thing_classes'] = ('car', 'man')


@defect('model-class-count', 'model.num_stuff_classes is 3', '2 stuff classes')
def class_count_of_the_model(small):
    small.settings['model']['num_stuff_classes'] = 3


@defect('annotation-file', 'nowhere.json')
def no_annotation_file(small):
    small.settings['train_dataloader']['dataset']['ann_file'] = 'nowhere.json'


@defect('annotation-file', 'other.json', "lacks ['categories', 'annotations']")
def another_json(small):
    small.settings['train_dataloader']['dataset']['ann_file'] = 'other.json'
    (small.root / 'other.json').write_text(json.dumps(dict(images=[1])))


@defect('category-fields', 'train.json', 'dog')
def category_without_isthing(small):
    small.content['train']['categories'].append(dict(id=99, name='dog'))


@defect('category-id-twice', 'train.json', "'car', 'tree'")
def two_categories_with_one_id(small):
    small.content['train']['categories'][2]['id'] = 7
    for number in range(3):
        small.segment(TREE, number)['category_id'] = 7


@defect('category-name-twice', 'train.json', "'sky'")
def two_categories_with_one_name(small):
    small.content['train']['categories'].append(dict(id=31, name='sky', isthing=0))


@defect('class-only-in-config', 'train.json', 'val.json', "'dog'")
def class_that_the_files_lack(small):
    for split in ('train', 'val', 'test'):
        metainfo(small, split)['thing_classes'] = ('man', 'car', 'dog')
    small.settings['model']['num_things_classes'] = 3


@defect('class-only-in-file', 'train.json', "only in the file: 'cars'")
def category_that_the_config_lacks(small):
    small.content['train']['categories'].append(dict(id=99, name='cars', isthing=1))


@defect('thing-or-stuff', 'train.json', "'man' is thing in the config and stuff in the file")
def thing_that_is_stuff_in_the_file(small):
    small.content['train']['categories'][3]['isthing'] = 0


@defect('image-fields', 'train.json', 'photo_1.jpg', '`height`')
def image_without_height(small):
    del small.image(1)['height']


@defect('image-id-twice', 'train.json', 'photo_1.jpg and copy.jpg')
def two_images_with_one_id(small):
    small.content['train']['images'].append(dict(small.image(1), file_name='copy.jpg'))


@defect('image-name-twice', 'train.json', 'photo_0.jpg')
def two_images_with_one_file(small):
    small.image(1)['file_name'] = 'photo_0.jpg'


@defect('annotation-fields', 'train.json', 'image_id')
def annotation_without_segments(small):
    del small.annotation(1)['segments_info']


@defect('annotation-fields', 'train.json', 'instances_*.json')
def instance_annotations(small):
    box = dict(id=1, image_id=1, category_id=7, segmentation=[], bbox=[0, 0, 1, 1])
    small.content['train']['annotations'][1] = box


@defect('annotation-without-image', 'other.png', '999')
def annotation_of_no_image(small):
    small.content['train']['annotations'].append(
        dict(image_id=999, file_name='other.png', segments_info=[])
    )


@defect('annotation-twice', 'labels_of_1.png and other.png')
def two_annotations_of_one_image(small):
    other = dict(small.annotation(1), file_name='other.png')
    small.content['train']['annotations'].append(other)


@defect('image-without-annotation', 'photo_1.jpg')
def image_without_annotation(small):
    del small.content['train']['annotations'][1]


@defect('png-name-twice', 'labels_of_0.png')
def two_annotations_with_one_png(small):
    small.annotation(1)['file_name'] = 'labels_of_0.png'


@defect('segment-fields', 'labels_of_0.png', "'iscrowd': 2")
def crowd_that_is_neither_0_nor_1(small):
    segment = dict(id=77, category_id=5, iscrowd=2)
    small.annotation()['segments_info'].append(segment)


@defect('segment-id-range', 'labels_of_0.png', 'id 0')
def segment_id_0(small):
    small.annotation()['segments_info'].append(dict(id=0, category_id=5))


@defect('segment-id-range', 'labels_of_0.png', 'id 16777216')
def segment_id_beyond_24_bits(small):
    small.annotation()['segments_info'].append(dict(id=1 << 24, category_id=5))


@defect('segment-id-twice', 'labels_of_0.png', f'segment {CAR}')
def segment_listed_twice(small):
    small.annotation()['segments_info'].append(dict(small.segment(CAR)))


@defect('segment-id-two-categories', 'labels_of_0.png', f'segment {CAR}', 'categories 7, 5')
def one_id_for_two_categories(small):
    small.annotation()['segments_info'].append(dict(small.segment(CAR), category_id=5))


@defect('category-unknown', 'labels_of_0.png', f'segment {CAR}', 'category_id 8')
def category_id_of_no_category(small):
    small.segment(CAR)['category_id'] = 8


@defect('stuff-twice', 'labels_of_0.png', f'segment {SKY}, 257', '2 segments of sky')
def two_segments_of_sky(small):
    id_map = valid_map()
    id_map[:5, :5] = 257
    small.paint(id_map, CATEGORY_OF | {257: 30})


@defect('image-missing', 'train/photo_0.jpg')
def no_image(small):
    small.image_path().unlink()


@defect('image-unreadable', 'train/photo_0.jpg', 'truncated')
def truncated_image(small):
    path = small.image_path()
    path.write_bytes(path.read_bytes()[:-400])


@defect('image-unreadable', 'train/photo_0.jpg', 'the file is empty')
def empty_image(small):
    small.image_path().write_bytes(b'')


@defect('image-unreadable', 'train/photo_0.jpg', 'not an image')
def image_that_is_text(small):
    small.image_path().write_text('<html>404</html>')


@defect('image-size', 'train/photo_0.jpg', f'{WIDTH} x {HEIGHT}', f'{WIDTH} x 41')
def height_in_the_json(small):
    small.image()['height'] = 41


@defect('image-orientation', 'train/photo_0.jpg', 'orientation 3')
def image_shown_upside_down(small):
    with Image.open(small.image_path()) as image:
        exif = image.getexif()
        exif[0x0112] = 3
        image.save(small.image_path(), exif=exif, quality=95)


@defect('png-missing', 'train_maps/labels_of_0.png')
def no_png(small):
    small.map_path().unlink()


@defect('png-unreadable', 'train_maps/labels_of_0.png')
def truncated_png(small):
    path = small.map_path()
    path.write_bytes(path.read_bytes()[:-20])


@defect('png-mode', 'labels_of_0.png', 'gray')
def gray_png(small):
    Image.new('L', (WIDTH, HEIGHT)).save(small.map_path())


@defect('png-mode', 'labels_of_0.png', 'palette')
def png_with_palette(small):
    with Image.open(small.map_path()) as image:
        image.convert('P').save(small.map_path())


@defect('png-mode', 'labels_of_0.png', 'uint16')
def png_of_16_bits(small):
    ids = cv2.imread(str(small.map_path()), cv2.IMREAD_UNCHANGED)
    assert cv2.imwrite(str(small.map_path()), ids.astype(np.uint16))


@defect('png-mode', 'labels_of_0.png', 'JPEG')
def lossy_png(small):
    with Image.open(small.map_path()) as image:
        image.save(small.map_path(), format='JPEG')


@defect('png-size', 'labels_of_0.png', '48 x 44', '48 x 40')
def png_of_another_size(small):
    write_ids(small.map_path(), np.pad(valid_map(), ((0, 4), (0, 0))))


@defect('png-ids-unknown', 'labels_of_0.png', 'segment 999', '1 ids, 6 pixels')
def id_that_the_json_lacks(small):
    id_map = valid_map()
    id_map[37:39, 2:5] = 999
    write_ids(small.map_path(), id_map)


@defect('segment-without-pixels', 'labels_of_0.png', 'segment 12345', '1 of 6 segments')
def segment_that_is_not_painted(small):
    segment = dict(id=12345, category_id=5, iscrowd=0, area=4, bbox=[0, 36, 2, 2])
    small.annotation()['segments_info'].append(segment)


@defect('no-things', 'train: 25.42 % of pixels are void or crowd')
def things_that_a_mask_made_void(small):
    for number in range(3):
        id_map = valid_map()
        id_map[np.isin(id_map, (MAN, CAR, CROWD))] = 0
        small.paint(id_map, {SKY: 30, TREE: 12}, number)


@warning('image-depth', 'photo_0.jpg', 'I;16')
def image_of_16_bits(small):
    deep = np.full((HEIGHT, WIDTH), 4000, np.uint16)
    Image.fromarray(deep).save(small.image_path(), format='PNG')


@defect('outside-folder', '../elsewhere.jpg')
def image_outside_the_folder(small):
    small.image_path().rename(small.root / 'elsewhere.jpg')
    small.image()['file_name'] = '../elsewhere.jpg'


@defect('outside-folder', 'photo_0.jpg', 'is a link to', 'elsewhere.jpg')
def image_behind_a_link(small):
    elsewhere = small.root / 'elsewhere.jpg'
    small.image_path().rename(elsewhere)
    small.image_path().symlink_to(elsewhere)


@warning('stuff-crowd', 'labels_of_0.png', f'segment {SKY}', 'sky')
def crowd_of_sky(small):
    small.segment(SKY)['iscrowd'] = 1


@warning('area-sum', 'labels_of_0.png', 'sum to 3024', '1920 pixels')
def areas_before_painting(small):
    # Sky all over the image, as in masks that overlap.
    small.segment(SKY)['area'] = HEIGHT * WIDTH


@warning('area-differs', 'labels_of_0.png', f'segment {CAR}', 'JSON 279, PNG 280')
def wrong_area(small):
    small.segment(CAR)['area'] -= 1


@warning('area-differs', 'labels_of_0.png', f'segment {MAN}', 'JSON None, PNG 144')
def no_area(small):
    del small.segment(MAN)['area']


@warning('box-differs', 'labels_of_0.png', f'segment {MAN}', '[4, 8, 15, 19]', '[4, 8, 12, 12]')
def box_of_corners(small):
    small.segment(MAN)['bbox'] = [4, 8, 15, 19]


@warning('all-void', 'labels_of_0.png')
def nothing_but_void(small):
    small.paint(np.zeros((HEIGHT, WIDTH), int), {})


@warning('image-content-twice', 'photo_0.jpg', 'photo_1.jpg')
def copied_image(small):
    small.image_path(1).write_bytes(small.image_path(0).read_bytes())


@warning('split-overlap', 'val/photo_1.jpg', 'train/photo_0.jpg')
def training_image_in_val(small):
    content = small.image_path(0).read_bytes()
    small.image_path(1, 'val').write_bytes(content)


@warning('split-overlap', 'train.json', 'train, val')
def val_is_train(small):
    small.settings['val_dataloader'] = copy.deepcopy(small.settings['train_dataloader'])


@warning('tiny-instances', 'train: 1 of 4 instances of man')
def instance_of_one_pixel(small):
    id_map = valid_map()
    id_map[3, 3] = 55
    small.paint(id_map, CATEGORY_OF | {55: 5})


@warning('class-without-instances', 'val, test: man (thing)')
def class_that_val_lacks(small):
    for number in range(2):
        annotation = small.annotation(number, 'val')
        annotation['segments_info'] = [s for s in annotation['segments_info'] if s['id'] != MAN]
        id_map = valid_map()
        id_map[id_map == MAN] = 0
        write_ids(small.map_path(number, 'val'), id_map)


@warning('class-without-instances', 'val, test: car (thing), only crowd')
def class_that_is_only_crowd_in_val(small):
    for number in range(2):
        annotation = small.annotation(number, 'val')
        annotation['segments_info'] = [s for s in annotation['segments_info'] if s['id'] != CAR]
        assert small.segment(CROWD, number, 'val')
        id_map = valid_map()
        id_map[id_map == CAR] = 0
        write_ids(small.map_path(number, 'val'), id_map)
