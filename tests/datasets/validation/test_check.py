import copy
import json
import multiprocessing
import os
import signal
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from mmdet.registry import DATASETS
from mmengine.config import Config

from einet.datasets import PanopticDataset
from einet.datasets.rules import FindingError, Severity
from einet.datasets.validation import check, check_source, check_sources, find_sources
from tests.datasets.conftest import write_ids

from .defects import DEFECTS

GARBAGE = (True, -1, 1.5, '', 'x', [], {}, float('nan'), 1 << 40)


def errors(found) -> list[str]:
    return [finding.kind for finding in found if finding.severity is Severity.ERROR]


def train_source(small):
    small.save()
    return find_sources(Config(copy.deepcopy(small.settings)), ['train'])[0]


def places(value: Any, path: tuple = ()) -> Iterator[tuple]:
    """Paths of everything below a JSON value, of lists only the first entry."""
    entries = value.items() if isinstance(value, dict) else enumerate(value[:1])
    for key, inner in entries:
        yield (*path, key)
        if isinstance(inner, dict | list):
            yield from places(inner, (*path, key))


def spoiled(content: Any, path: tuple, value: Any) -> Any:
    content = copy.deepcopy(content)
    entry = content
    for key in path[:-1]:
        entry = entry[key]
    entry[path[-1]] = value
    return content


def load(small) -> None:
    """Load all images as training does."""
    settings = dict(small.settings['train_dataloader']['dataset'], max_refetch=0)
    dataset = DATASETS.build(settings)
    for index in range(len(dataset)):
        dataset.pipeline(dataset.get_data_info(index))


def loads(small) -> bool:
    try:
        load(small)
    except Exception:
        return False
    return True


@pytest.mark.parametrize(
    'garbage', [(None,), pytest.param(GARBAGE, marks=pytest.mark.slow)], ids=['null', 'more']
)
def test_garbage_anywhere_in_the_json_is_survived_and_noticed(small, capsys, garbage):
    original = small.content['train']
    for key in ('images', 'annotations'):
        original[key] = original[key][:1]
    # Of many values each place gets three by turns.
    step = max(1, len(garbage) // 3)
    for index, path in enumerate(places(original)):
        for value in garbage[index % step :: step]:
            small.content['train'] = spoiled(original, path, value)
            found = check_source(train_source(small), None, workers=1).findings
            assert errors(found) or loads(small), (path, value)


# What the loader does not look at, and what other libraries read, each in its own way.
NOT_RAISED = {
    'splits-differ',
    'model-class-count',
    'image-orientation',
    'image-size',
    'segment-without-pixels',
    'no-things',
    'loader',
}
# Names are read with the annotations, links with their image.
AT_THE_IMAGE = {'image_behind_a_link'}
READ = {'image-missing', 'image-unreadable', 'png-missing', 'png-unreadable', 'png-mode'}
PASSED = [d for d in DEFECTS if not d.exit_code or d.kind in NOT_RAISED]
RAISED = [
    d
    for d in DEFECTS
    if d.exit_code and d.kind not in NOT_RAISED | READ and d.plant.__name__ not in AT_THE_IMAGE
]


@pytest.mark.parametrize('defect', RAISED, ids=[defect.plant.__name__ for defect in RAISED])
def test_the_loader_raises_what_the_check_prints(small, capsys, defect):
    defect.plant(small)
    found = check_source(train_source(small), None, 1).findings
    printed = next(finding for finding in found if finding.severity is Severity.ERROR)
    with pytest.raises((ValueError, FileNotFoundError)) as raised:
        load(small)
    if isinstance(raised.value, FindingError):
        message, *_ = raised.value.finding.message.split(' (and ')
        assert replace(raised.value.finding, message=message, split='train') == printed
    else:
        assert (str(raised.value), 'annotation-file') == (printed.message, printed.kind)


@pytest.mark.parametrize('defect', PASSED, ids=[defect.plant.__name__ for defect in PASSED])
def test_the_loader_passes_warnings(small, defect):
    defect.plant(small)
    small.save()
    load(small)


def test_what_only_the_loader_knows_is_reported(small, capsys):
    class PickyDataset(PanopticDataset):
        def load_data_list(self):
            raise KeyError('moon phase')

    small.save()
    config = Config(copy.deepcopy(small.settings))
    config.train_dataloader.dataset.type = PickyDataset
    (finding,) = check_source(find_sources(config, ['train'])[0], None, 1).findings
    assert (finding.kind, finding.message) == ('loader', "KeyError: 'moon phase'")
    # Known errors are reasons enough.
    small.map_path().unlink()
    found = check_source(find_sources(config, ['train'])[0], None, 1).findings
    assert errors(found) == ['png-missing']


@pytest.mark.parametrize('workers', [1, 2])
def test_a_set_without_one_usable_image(small, workers, capsys):
    for image in small.content['train']['images']:
        image['height'] = None
    report = check_source(train_source(small), None, workers)
    assert set(errors(report.findings)) == {'image-fields'}
    assert report.results == [] and report.num_pixels == 0


def kill_itself(job, **options):
    assert multiprocessing.parent_process()
    os.kill(os.getpid(), signal.SIGKILL)


def test_a_killed_process_ends_the_check(small, monkeypatch, capsys):
    monkeypatch.setattr(check, 'check_image', kill_itself)
    with pytest.raises(RuntimeError, match='a process was killed'):
        check_source(train_source(small), None, workers=2)


def test_a_file_that_is_not_json(small, capsys):
    source = train_source(small)
    for content in (b'{"images": [', b'\xff\xfe\x00', b'', b'[]', b'null'):
        (small.root / 'train.json').write_bytes(content)
        report = check_source(source, None, 1)
        assert errors(report.findings) == ['annotation-file']
        assert report.content is None


@pytest.mark.parametrize('workers', [1, 3])
def test_extremes_are_counted_and_a_set_without_things_is_named(small, workers, capsys):
    one_pixel = np.zeros((1, 1), int)
    crowd_only = np.full((7, 5), 11)
    odd = np.full((9, 13), 256**3 - 1)
    for number, (id_map, categories) in enumerate(
        [(one_pixel, {}), (crowd_only, {11: 7}), (odd, {256**3 - 1: 30})]
    ):
        image = np.full((*id_map.shape, 3), number, np.uint8)
        write_image(small, number, image)
        small.image(number).update(height=id_map.shape[0], width=id_map.shape[1])
        small.paint(id_map, categories, number)
    report = check_source(train_source(small), None, workers)
    assert {f.kind for f in report.findings} == {
        'all-void',
        'class-without-instances',
        'no-things',
    }
    assert report.num_pixels == 1 + 35 + 117
    assert {name: n for (name, column), n in report.counts.items() if column == 'pixels'} == {
        'sky': 117
    }


def write_image(small, number: int, image: np.ndarray) -> None:
    write_ids(small.image_path(number).with_suffix('.png'), image[..., 0].astype(int))
    small.image(number)['file_name'] = small.image_path(number).with_suffix('.png').name


def test_cityscapes_names(tmp_path, capsys):
    categories = [dict(id=i, name=n, isthing=1) for i, n in enumerate(('car', 'bus'), start=26)]
    image = dict(id='a', file_name='aachen_0_1_gtFine_leftImg8bit.png', height=4, width=4)
    annotation = dict(image_id='a', file_name='a.png', segments_info=[])
    content = dict(categories=categories, images=[image], annotations=[annotation])
    (tmp_path / 'x.json').write_text(json.dumps(content))
    write_ids(tmp_path / 'a.png', np.zeros((4, 4), int))
    dataset = dict(type='CityscapesPanopticDataset', data_root=str(tmp_path), ann_file='x.json')
    config = Config(dict(train_dataloader=dict(dataset=dataset)))
    found, _ = check_sources(config, find_sources(config), 1)
    missing = [f for f in found if f.kind == 'image-missing']
    assert missing[0].file == str(tmp_path / 'aachen' / 'aachen_0_1_leftImg8bit.png')
    (lacking,) = [f for f in found if f.kind == 'class-only-in-config']
    assert lacking.message.count("'") == 2 * 17 and "'road'" in lacking.message
