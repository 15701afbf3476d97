"""Damaged files of the two real data sets: each gives a documented error or consistent content.

`EINET_FUZZ=10000 python -m pytest tests/datasets/test_fuzz.py` runs 10,000 inputs.
"""

import copy
import json
import os
import random
import signal
import struct
import zlib

import cv2
import pytest

from einet.datasets import PanopticDataset
from einet.datasets.conversion.inputs import read_instance_map, read_label_map
from einet.datasets.rules import Severity
from einet.datasets.validation.check import check_source
from einet.datasets.validation.sources import Source
from einet.structures.files import encode_png
from einet.structures.id_map import ids_to_bgr, read_id_map

PIPELINE = [
    dict(type='LoadImageFromFile'),
    dict(type='LoadPanopticSegments'),
    dict(type='PackPanopticInputs'),
]
NUM_INPUTS = int(os.environ.get('EINET_FUZZ', 300))
SECONDS_PER_INPUT = 10
SIZE = 48
ODD_VALUES = [
    None,
    True,
    -1,
    0,
    1.5,
    2**24,
    2**70,
    float('nan'),
    '',
    'a',
    '../a',
    '\0',
    [],
    {},
    [[]],
]


@pytest.fixture(params=['coco_sample_root', 'nuclei_root'])
def small_set(request, tmp_path):
    """One picture of a real set, cut to its upper left corner, and its files' contents."""
    root = request.getfixturevalue(request.param)
    source = next(path for path in sorted((root / 'annotations').glob('*val*.json')))
    content = json.loads(source.read_text())
    image, annotation = content['images'][0], content['annotations'][0]
    folder = 'val2017' if 'coco' in request.param else 'val'
    pixels = cv2.imread(str(root / folder / image['file_name']))[:SIZE, :SIZE]
    ids = read_id_map(str(source.with_suffix('') / annotation['file_name']))[:SIZE, :SIZE]
    segments = [s for s in annotation['segments_info'] if (ids == s['id']).any()]
    for segment in segments:
        rows, columns = (ids == segment['id']).nonzero()
        x, y = int(columns.min()), int(rows.min())
        segment['bbox'] = [x, y, int(columns.max()) - x + 1, int(rows.max()) - y + 1]
        segment['area'] = len(rows)
    content['images'] = [image | dict(width=SIZE, height=SIZE)]
    content['annotations'] = [annotation | dict(segments_info=segments)]
    things = [c['name'] for c in content['categories'] if c['isthing']]
    stuff = [c['name'] for c in content['categories'] if not c['isthing']]
    files = {
        'a.json': json.dumps(content).encode(),
        annotation['file_name']: encode_png(ids_to_bgr(ids)),
        image['file_name']: cv2.imencode('.jpg', pixels)[1].tobytes(),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    arguments = dict(
        ann_file='a.json',
        data_root=str(tmp_path),
        metainfo=dict(thing_classes=things, stuff_classes=stuff),
        pipeline=PIPELINE,
        lazy_init=True,
        # mmengine collects garbage when it serializes, ten times as long as all the rest.
        serialize_data=False,
    )
    return tmp_path, files, arguments


def mutate(name: str, data: bytes, rng: random.Random) -> bytes:
    """Damage a file: its bytes, or what its format means by them."""
    if name.endswith('.json') and rng.random() < 0.7:
        return mutate_json(data, rng)
    if name.endswith('.png') and rng.random() < 0.3:
        return mutate_header(data, rng)
    changed = bytearray(data)
    for _ in range(rng.choice([1, 1, 2, 8])):
        start = rng.randrange(len(changed) + 1)
        end = min(len(changed), start + rng.choice([1, 4, 64]))
        new = rng.choice([b'', rng.randbytes(end - start), changed[start:end] * 2, b'\0', b'[' * 9])
        changed[start:end] = new
    return bytes(changed[: rng.randrange(len(changed) + 1)] if rng.random() < 0.1 else changed)


def mutate_json(data: bytes, rng: random.Random) -> bytes:
    """Put an odd value in place of one, repeat one, or take one away."""
    content = json.loads(data)
    place = content
    while True:
        keys = list(place) if isinstance(place, dict) else range(len(place))
        if not keys:
            return data
        key = rng.choice(keys)
        if not isinstance(place[key], dict | list) or rng.random() < 0.2:
            break
        place = place[key]
    action = rng.randrange(4)
    if action == 0:
        del place[key]
    elif action == 1 and isinstance(place, list):
        place.append(copy.deepcopy(place[key]))
    else:
        place[key] = rng.choice(ODD_VALUES)
    return json.dumps(content).encode()


def mutate_header(data: bytes, rng: random.Random) -> bytes:
    """Another size, depth or color type in a PNG, with the right checksum."""
    changed = bytearray(data)
    if rng.random() < 0.5:
        at = rng.choice([16, 20])
        changed[at : at + 4] = struct.pack('>I', rng.choice([0, 1, 47, 49, 20_000, 2**31 - 1]))
    else:
        changed[rng.randrange(24, 29)] = rng.choice([0, 1, 2, 3, 4, 6, 8, 16])
    changed[29:33] = struct.pack('>I', zlib.crc32(changed[12:29]))
    return bytes(changed)


def read_all(root, arguments) -> None:
    """Check, train and convert from the files; what is accepted must be consistent."""
    for path in root.glob('*.png'):
        for read in (read_label_map, read_instance_map):
            try:
                read(path)
            except ValueError as error:
                assert path.name in str(error)
    source = Source(('train',), PanopticDataset(**arguments), True, ())
    report = check_source(source, resize=None, workers=1)
    errors = [f for f in report.findings if f.severity is Severity.ERROR]
    try:
        dataset = PanopticDataset(**arguments)
        dataset.full_init()
        samples = [dataset.prepare_data(index) for index in range(len(dataset))]
    except (FileNotFoundError, ValueError) as error:
        assert errors, f'training stops where the check sees nothing: {error}'
        return
    for sample in samples:
        height, width = sample['inputs'].shape[1:]
        labels = sample['data_samples'].gt_sem_seg.sem_seg
        assert labels.shape[-2:] == (height, width)
        assert sample['data_samples'].ori_shape[:2] == (height, width)
        num_classes = len(dataset.metainfo['classes'])
        assert all(label < num_classes or label == 255 for label in labels.unique().tolist())


class Hang(BaseException):
    """No error of the code under test, so that none of its handlers takes it for one."""


def stop(*_):
    raise Hang(f'an input takes more than {SECONDS_PER_INPUT} s')


@pytest.mark.slow
def test_damaged_files_give_documented_errors_or_consistent_content(small_set):
    root, files, arguments = small_set
    read_all(root, arguments)
    rng, previous = random.Random(0), signal.signal(signal.SIGALRM, stop)
    try:
        for number in range(NUM_INPUTS // 2):
            name = rng.choice(list(files))
            changed = mutate(name, files[name], rng)
            (root / name).write_bytes(changed)
            signal.alarm(SECONDS_PER_INPUT)
            try:
                read_all(root, arguments)
            except BaseException as error:
                raise AssertionError(f'input {number}, {name}: {changed[:2000]!r}') from error
            finally:
                signal.alarm(0)
            (root / name).write_bytes(files[name])
    finally:
        signal.signal(signal.SIGALRM, previous)
