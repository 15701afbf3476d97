import hashlib

import pytest
import torch
import yaml

from einet.utils import published
from einet.utils.published import locate_model, published_names, shipped_folder
from tests.paths import CONFIGS, ROOT

ENTRIES = [
    entry
    for entry in yaml.safe_load((CONFIGS / 'metafile.yml').read_text())['Models']
    if 'Weights' in entry
]
WITHOUT = dict(Name='einet_r50_cars', Config='configs/einet_r50_cars.py', Metadata={})


@pytest.fixture
def index(tmp_path, monkeypatch):
    """A project that ships one model, of two, in a checkout; returns its folder."""
    (tmp_path / 'configs').mkdir()
    (tmp_path / 'weights').mkdir()
    (tmp_path / 'weights' / 'a-12345678.pth').write_bytes(b'weights')
    model = dict(
        Name='einet_Tiny_cars',
        Config='configs/einet_tiny_cars.py',
        Weights='weights/a-12345678.pth',
        Metadata={'Weights SHA-256': hashlib.sha256(b'weights').hexdigest()},
    )
    (tmp_path / 'model-index.yml').write_text('Import: [configs/metafile.yml]')
    (tmp_path / 'configs/metafile.yml').write_text(yaml.safe_dump(dict(Models=[model, WITHOUT])))
    monkeypatch.setattr(published, 'PACKAGE', tmp_path / 'projects' / 'einet')
    return tmp_path


def test_a_name_gives_config_and_weights(index):
    expected = str(index / 'configs/einet_tiny_cars.py'), str(index / 'weights/a-12345678.pth')
    assert locate_model('einet_Tiny_cars') == expected
    # As mmdet's inferencer, which takes names in any case.
    assert locate_model('EINET_tiny_CARS') == expected
    assert published_names() == ['einet_Tiny_cars']


def test_a_checkpoint_of_ones_own_comes_before_the_published_weights(index):
    config = str(index / 'configs/einet_tiny_cars.py')
    (index / 'weights/a-12345678.pth').unlink()
    assert locate_model('einet_tiny_cars', 'mine.pth') == (config, 'mine.pth')
    other = str(index / 'configs/einet_r50_cars.py')
    assert locate_model('einet_r50_cars', 'mine.pth') == (other, 'mine.pth')


def test_anything_but_a_name_of_ours_is_given_back(index, tmp_path, monkeypatch):
    (tmp_path / 'einet_tiny_cars').touch()
    monkeypatch.chdir(tmp_path)
    # A file comes before a name; other names are mmdet's; None and dicts are configs.
    for model in ('einet_tiny_cars', 'retinanet_r18', None, dict(model={})):
        assert locate_model(model, 'a.pth') == (model, 'a.pth')
        assert locate_model(model) == (model, None)


def test_a_model_without_weights_names_those_that_have_some(index):
    message = 'einet_r50_cars has no published weights, give .* with weights: einet_Tiny_cars'
    with pytest.raises(ValueError, match=message):
        locate_model('einet_r50_cars')


def test_damaged_weights_are_refused(index):
    (index / 'weights/a-12345678.pth').write_bytes(b'Weights')
    with pytest.raises(ValueError, match=r'a-12345678.pth are damaged, .*git checkout weights'):
        locate_model('einet_tiny_cars')


def test_missing_weights_say_how_to_get_them_back(index):
    (index / 'weights/a-12345678.pth').unlink()
    with pytest.raises(FileNotFoundError, match=r'a-12345678.pth are missing: .*git checkout'):
        locate_model('einet_tiny_cars')


def test_a_wheel_has_the_index_inside_the_package(index, monkeypatch):
    assert shipped_folder() == index
    inside = index / 'projects' / 'einet' / '.mim'
    inside.mkdir(parents=True)
    (index / 'model-index.yml').rename(inside / 'model-index.yml')
    assert shipped_folder() == inside
    (inside / 'model-index.yml').unlink()
    with pytest.raises(
        FileNotFoundError, match=r'no model index in .*\.mim or .*install the wheel'
    ):
        shipped_folder()


def test_this_checkout_ships_weights():
    assert shipped_folder() == ROOT
    assert published_names() == [entry['Name'] for entry in ENTRIES] != []


@pytest.mark.parametrize('entry', ENTRIES, ids=lambda entry: entry['Name'])
def test_shipped_weights_are_small_and_plain(entry):
    path = ROOT / entry['Weights']
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    assert entry['Metadata']['Weights SHA-256'] == digest
    assert path.name == f'{entry["Name"]}-{digest[:8]}.pth'
    assert path.stat().st_size <= 8e6
    content = torch.load(path, weights_only=True)
    assert content['meta']['config'] == entry['Name']
    assert {v.dtype for v in content['state_dict'].values()} <= {
        torch.float16, torch.int64, torch.bool,
    }  # fmt: skip
    # Each file, and no other one, is an entry's.
    shipped = {ROOT / each['Weights'] for each in ENTRIES}
    assert set((ROOT / 'weights').glob('*.pth')) == shipped
