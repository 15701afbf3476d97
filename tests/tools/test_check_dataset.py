import json
import re
import subprocess
import sys

import pytest

from einet.datasets.validation import SPLITS, check
from tests.datasets.validation.defects import DEFECTS
from tests.datasets.validation.small_set import CAR, SmallSet
from tests.datasets.validation.test_check import kill_itself
from tests.paths import CONFIGS, ROOT

from .load import load_tool


@pytest.fixture(scope='module')
def tool():
    return load_tool('check_dataset.py')


@pytest.fixture
def small(tmp_path) -> SmallSet:
    return SmallSet(tmp_path)


def kinds(text: str) -> set[str]:
    return set(re.findall(r'^(?:error|warning) \[([\w-]+)\]', text, re.MULTILINE))


def test_all_splits_can_be_chosen(tool):
    assert tool.SPLITS == SPLITS


def test_a_valid_set_has_nothing_to_report(tool, small, capsys):
    assert tool.main([small.save(), '--workers', '1']) == 0
    printed = capsys.readouterr()
    assert kinds(printed.out) == set()
    assert '0 errors, 0 warnings.\nNo errors: ready to train.' in printed.out
    assert re.search(r'\| car +\| thing +\| +3 \| +3 \| +3 \| +14.58 % \| +0 \|', printed.out)
    # 840 pixels of cars, of 3 x 48 x 40.
    assert '3/3' in printed.err and '2/2' in printed.err


@pytest.mark.parametrize('defect', DEFECTS, ids=[defect.plant.__name__ for defect in DEFECTS])
def test_a_planted_defect_is_found_and_nothing_else(tool, small, capsys, defect):
    defect.plant(small)
    assert tool.main([small.save(), '--workers', '1']) == defect.exit_code
    out = capsys.readouterr().out
    assert kinds(out) == {defect.kind}
    assert ('error' if defect.exit_code else 'warning') + f' [{defect.kind}]' in out
    listed = '\n'.join(line for line in out.splitlines() if line.startswith('    '))
    for named in defect.named:
        assert named in listed


def test_all_defects_of_a_set_are_reported_at_once(tool, small, capsys):
    small.image_path(0).unlink()
    small.map_path(1).unlink()
    small.segment(CAR, 2)['category_id'] = 8
    small.content['train']['categories'].append(dict(id=99, name='dog', isthing=1))
    small.settings['model']['num_things_classes'] = 80
    assert tool.main([small.save(), '--workers', '2']) == 1
    assert kinds(capsys.readouterr().out) == {
        'image-missing',
        'png-missing',
        'category-unknown',
        'class-only-in-file',
        'model-class-count',
    }


def test_a_split_alone(tool, small, capsys):
    small.map_path(0, 'train').unlink()
    config = small.save()
    assert tool.main([config, '--workers', '1', '--split', 'val']) == 0
    assert tool.main([config, '--workers', '1', '--split', 'train', 'val']) == 1


def test_data_root_and_cfg_options(tool, small, tmp_path, capsys):
    for split in ('train', 'val', 'test'):
        small.settings[f'{split}_dataloader']['dataset']['data_root'] = 'nowhere'
    config = small.save()
    options = ['--workers', '1', '--data-root', str(tmp_path)]
    assert tool.main([config, *options]) == 0
    assert tool.main([config, *options, '--cfg-options', 'model.num_things_classes=5']) == 1
    assert 'model.num_things_classes is 5' in capsys.readouterr().out


def test_long_lists_are_cut_but_the_json_has_all(tool, small, tmp_path, capsys):
    for number in range(3):
        small.map_path(number).unlink()
    report = tmp_path / 'new' / 'report.json'
    options = ['--workers', '1', '--max-lines', '1', '--report', str(report)]
    assert tool.main([small.save(), *options]) == 1
    out = capsys.readouterr().out
    assert 'labels_of_0.png' in out and 'labels_of_1.png' not in out
    assert '... and 2 more (--report FILE.json lists all)' in out
    content = json.loads(report.read_text())
    assert (content['errors'], content['warnings']) == (3, 0)
    found = content['findings']
    assert [f['image_id'] for f in found] == [0, 1, 2]
    assert {(f['severity'], f['kind'], f['split']) for f in found} == {
        ('error', 'png-missing', 'train')
    }
    assert content['sources'][1]['classes'][1] == dict(
        name='car', is_thing=True, images=2, segments=2, crowd=2, pixels=560, tiny=0
    )


def test_fix_areas_writes_a_copy_that_passes(tool, small, tmp_path, capsys):
    good = dict(small.segment(CAR))
    small.segment(CAR).update(area=1, bbox=[0, 0, 1, 1])
    del small.segment(CAR, 1)['area']
    small.annotation(2)['segments_info'].append(dict(id=123, category_id=5))
    config, new = small.save(), tmp_path / 'fixed' / 'train.json'
    before = (tmp_path / 'train.json').read_bytes()
    options = ['--workers', '1', '--split', 'train']
    fix = ['--fix-areas', str(new), '--drop-missing-segments']
    assert tool.main([config, *options, *fix]) == 1
    assert '2 segments corrected, 1 left out, 0 annotations' in capsys.readouterr().out
    assert (tmp_path / 'train.json').read_bytes() == before
    content = json.loads(new.read_text())
    assert good in content['annotations'][0]['segments_info']
    assert content['images'] == small.content['train']['images']
    use = ['--cfg-options', f'train_dataloader.dataset.ann_file={new}']
    assert tool.main([config, *options, *use]) == 0
    assert kinds(capsys.readouterr().out) == set()


def test_fix_areas_never_overwrites(tool, small, tmp_path, capsys):
    config, original = small.save(), tmp_path / 'train.json'
    before = original.read_bytes()
    with pytest.raises(SystemExit) as stopped:
        tool.main([config, '--split', 'train', '--fix-areas', str(original)])
    assert stopped.value.code == 2
    assert 'the file exists' in capsys.readouterr().err
    assert tool.main([config, '--report', str(original)]) == 2
    assert 'is the annotation file' in capsys.readouterr().err
    assert original.read_bytes() == before


def test_fix_areas_of_several_files(tool, small, tmp_path, capsys):
    assert tool.main([small.save(), '--fix-areas', str(tmp_path / 'new.json')]) == 2
    assert 'train and val, test: use --split' in capsys.readouterr().err
    assert not (tmp_path / 'new.json').exists()


def test_fix_areas_of_a_file_that_cannot_be_read(tool, small, tmp_path, capsys):
    config = small.save()
    (tmp_path / 'train.json').write_text('{"images": [')
    options = ['--split', 'train', '--fix-areas', str(tmp_path / 'new.json')]
    assert tool.main([config, *options]) == 1
    out = capsys.readouterr().out
    assert kinds(out) == {'annotation-file'}
    assert 'new.json was not written' in out


def test_test_images_without_ground_truth(tool, small, capsys):
    del small.content['val']['annotations']
    config = small.save()
    assert tool.main([config, '--workers', '1', '--split', 'val', 'test']) == 0
    assert '2 images without ground truth' in capsys.readouterr().out


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (['--workers', '0'], '--workers 0: at least one'),
        (['--max-lines', '-1'], '--max-lines -1: give 0'),
        (['--drop-missing-segments'], 'needs --fix-areas'),
    ],
)
def test_wrong_options(tool, small, capsys, options, message):
    with pytest.raises(SystemExit) as stopped:
        tool.main([small.save(), *options])
    assert stopped.value.code == 2
    assert message in capsys.readouterr().err


def test_a_killed_process(tool, small, monkeypatch, capsys):
    monkeypatch.setattr(check, 'check_image', kill_itself)
    assert tool.main([small.save(), '--workers', '2']) == 2
    assert 'a process was killed' in capsys.readouterr().err


def test_configs_that_cannot_be_checked(tool, small, tmp_path, capsys):
    assert tool.main([str(tmp_path / 'nowhere.py')]) == 2
    small.settings['val_dataloader'] = None
    assert tool.main([small.save(), '--split', 'val']) == 2
    assert 'no dataloader for val; it has: train, test' in capsys.readouterr().err
    small.settings['train_dataloader']['dataset']['type'] = 'CocoDataset'
    assert tool.main([small.save(), '--split', 'train']) == 2
    assert 'CocoDataset is not a PanopticDataset' in capsys.readouterr().err


@pytest.mark.slow
def test_as_a_command(small):
    small.map_path().unlink()
    command = [sys.executable, str(ROOT / 'tools' / 'check_dataset.py'), small.save()]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr
    assert kinds(done.stdout) == {'png-missing'}


# On real data only statistics may be remarkable.
INFORMATION = {'tiny-instances', 'class-without-instances', 'split-overlap'}


@pytest.mark.slow
@pytest.mark.parametrize(('name', 'config'), [('nuclei', 'nuclei'), ('coco_sample', 'coco-sample')])
def test_real_data_has_no_errors(tool, request, capsys, name, config):
    root = request.getfixturevalue(f'{name}_root')
    code = tool.main([str(CONFIGS / f'einet_r18_{config}.py'), '--data-root', str(root)])
    out = capsys.readouterr().out
    assert code == 0, out
    assert kinds(out) <= INFORMATION
