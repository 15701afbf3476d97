"""A checkpoint that would write a file when it is read: no way in runs it."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from mmdet.apis import DetInferencer, init_detector
from mmdet.registry import MODELS
from mmengine.config import Config
from mmengine.logging import HistoryBuffer
from mmengine.runner import Runner
from mmengine.runner.checkpoint import CheckpointLoader, load_checkpoint

from einet.utils import read_as_data, trust_checkpoints
from tests.tools.load import load_tool
from tests.tools.narrow import narrow_model


class _Program:
    """Pickled as a call of the shell."""

    def __init__(self, command: str) -> None:
        self.command = command

    def __reduce__(self):
        return os.system, (self.command,)


@pytest.fixture(scope='module')
def narrow(tmp_path_factory) -> list[str]:
    return narrow_model(tmp_path_factory.mktemp('narrow'), 'einet_tiny_shapes.py')


@pytest.fixture
def written(tmp_path) -> Path:
    """The file that exists once the code has run."""
    return tmp_path / 'written'


@pytest.fixture
def hostile(narrow, tmp_path, written) -> str:
    """The narrow model's weights with a program beside them."""
    checkpoint = torch.load(narrow[1], weights_only=True)
    checkpoint['extra'] = _Program(f'touch {written}')
    torch.save(checkpoint, tmp_path / 'hostile.pth')
    return str(tmp_path / 'hostile.pth')


@pytest.fixture(autouse=True)
def _nothing_is_trusted_afterwards():
    yield
    trust_checkpoints(False)


def _config(narrow, tmp_path, **options) -> Config:
    config = Config.fromfile(narrow[0])
    for split in ('train', 'val', 'test'):
        loader = config[f'{split}_dataloader']
        loader.update(num_workers=0, persistent_workers=False)
        loader.dataset.data_root = narrow[2]
    config.merge_from_dict({'work_dir': str(tmp_path / 'work'), **options})
    return config


REFUSED = r'hostile\.pth holds more than data.*system.*--trust-checkpoint'


def test_the_tools_refuse_it(narrow, hostile, written, tmp_path):
    config, _, data_root = narrow
    common = ['--data-root', data_root, '--work-dir', str(tmp_path / 'work')]
    single = ['num_workers=0', 'persistent_workers=False']
    common += ['--cfg-options', *(f'{s}_dataloader.{o}' for s in ('train', 'test') for o in single)]
    with pytest.raises(ValueError, match=REFUSED):
        load_tool('test.py').main([config, hostile, *common])
    with pytest.raises(ValueError, match=REFUSED):
        load_tool('train.py').main([config, '--resume', hostile, *common])
    out = ['--device', 'cpu', '--out-dir', str(tmp_path / 'out')]
    with pytest.raises(SystemExit, match=REFUSED):
        load_tool('image_demo.py').main([f'{data_root}/val', config, hostile, *out])
    with pytest.raises(SystemExit, match=REFUSED):
        sheet = ['--data-root', data_root, '--device', 'cpu', '--out', str(tmp_path / 'x.png')]
        load_tool('analysis_tools/contact_sheet.py').main([config, hostile, *sheet])
    assert not written.exists()


def test_load_from_refuses_it(narrow, hostile, written, tmp_path):
    runner = Runner.from_cfg(_config(narrow, tmp_path, load_from=hostile))
    with pytest.raises(ValueError, match=REFUSED):
        runner.load_or_resume()
    assert not written.exists()


@pytest.mark.parametrize('part', ['whole', 'backbone'])
def test_init_cfg_refuses_it(narrow, hostile, written, tmp_path, part):
    config = _config(narrow, tmp_path)
    settings = config.model if part == 'whole' else config.model.backbone
    settings.init_cfg = dict(type='Pretrained', checkpoint=hostile)
    model = MODELS.build(config.model)
    with pytest.raises(ValueError, match=REFUSED):
        model.init_weights()
    assert not written.exists()


def test_inference_refuses_it(narrow, hostile, written, tmp_path):
    config = _config(narrow, tmp_path)
    with pytest.raises(ValueError, match=REFUSED):
        DetInferencer(config, hostile, device='cpu', show_progress=False)
    with pytest.raises(ValueError, match=REFUSED):
        init_detector(config, hostile, device='cpu')
    assert not written.exists()


@pytest.fixture
def commanding(narrow, tmp_path, written) -> str:
    """Nothing but data, with the text of a config that writes the file."""
    text = f'import os\nos.system("touch {written}")\n'
    checkpoint = torch.load(narrow[1], weights_only=True)
    checkpoint['meta'].update(config=text, cfg=text, epoch=0, iter=0)
    checkpoint['message_hub'] = dict(
        log_scalars={}, runtime_info=dict(cfg=text), resumed_keys=dict(cfg=True)
    )
    torch.save(checkpoint, tmp_path / 'commanding.pth')
    return str(tmp_path / 'commanding.pth')


def test_resume_does_not_run_the_config_in_a_checkpoint(narrow, commanding, written, tmp_path):
    runner = Runner.from_cfg(_config(narrow, tmp_path))
    runner._train_loop = runner.build_train_loop(runner._train_loop)
    runner.resume(commanding)
    assert not written.exists()


def test_inference_does_not_run_the_config_in_a_checkpoint(commanding, written):
    with pytest.raises(ValueError, match='Cannot find the config in the checkpoint'):
        DetInferencer(weights=commanding, device='cpu', show_progress=False)
    assert not written.exists()
    trust_checkpoints()
    with pytest.raises(AttributeError):  # it names no model
        DetInferencer(weights=commanding, device='cpu', show_progress=False)
    assert written.exists()


def test_only_best_checkpoints_of_its_own_folder_are_believed(tmp_path):
    """mmengine removes them, also whole folders, when a better one is written."""
    (tmp_path / 'work' / 'best_folder').mkdir(parents=True)
    infos = dict(
        best_ckpt=str(tmp_path / 'work' / 'best_pq_iter_7.pth'),
        best_ckpt_sq=str(tmp_path / 'work' / '..' / 'best_sq_iter_7.pth'),
        best_ckpt_rq=str(tmp_path / 'work' / 'best_folder'),
        best_ckpt_ap=str(tmp_path / 'work' / 'thesis.tex'),
        best_score=41.5,
    )
    hub = dict(log_scalars={}, runtime_info=infos, resumed_keys=dict.fromkeys(infos, True))
    torch.save(dict(state_dict={}, message_hub=hub), tmp_path / 'work' / 'iter_9.pth')
    read = CheckpointLoader.load_checkpoint(str(tmp_path / 'work' / 'iter_9.pth'))['message_hub']
    assert read['runtime_info'] == {key: infos[key] for key in ('best_ckpt', 'best_score')}
    assert read['resumed_keys'].keys() == {'best_ckpt', 'best_score'}


def test_an_address_refuses_it(narrow, hostile, written, monkeypatch):
    """A file that comes over the network is read by another loader of mmengine's."""
    url = f'https://example.org/{Path(hostile).name}'
    hub = Path(hostile).parent / 'hub' / 'checkpoints'
    hub.mkdir(parents=True)
    Path(hostile).rename(hub / Path(hostile).name)  # as if it had been downloaded before
    monkeypatch.setenv('TORCH_HOME', str(hub.parent.parent))
    monkeypatch.setenv('MMENGINE_HOME', str(hub.parent.parent))
    monkeypatch.setattr(torch.hub, 'get_dir', lambda: str(hub.parent))
    with pytest.raises(ValueError, match=REFUSED):
        load_checkpoint(torch.nn.Linear(1, 1), url)
    assert not written.exists()
    assert 'TORCH_FORCE_WEIGHTS_ONLY_LOAD' not in os.environ


def test_with_trust_it_is_read_and_the_program_runs(narrow, hostile, written, tmp_path):
    tool = load_tool('test.py')
    common = [narrow[0], hostile, '--data-root', narrow[2], '--work-dir', str(tmp_path / 'work')]
    tool.build_config(tool.parse_args([*common, '--trust-checkpoint']))
    init_detector(_config(narrow, tmp_path), hostile, device='cpu')
    assert written.exists()
    # The next run of a tool in this process starts without trust.
    written.unlink()
    tool.build_config(tool.parse_args(common))
    with pytest.raises(ValueError, match=REFUSED):
        init_detector(_config(narrow, tmp_path), hostile, device='cpu')
    assert not written.exists()


def test_what_mmengine_writes_is_data(tmp_path):
    buffer = HistoryBuffer([1.5, 2.5], [1, 1])
    content = dict(
        message_hub=dict(log_scalars={'train/loss': buffer}),
        numbers=[np.float64(0.5), np.int64(7), np.bool_(True)],
        arrays=(np.arange(3, dtype=np.uint8), np.ones(2, np.float32)),
    )
    torch.save(content, tmp_path / 'log.pth')
    read = CheckpointLoader.load_checkpoint(str(tmp_path / 'log.pth'))
    assert read['message_hub']['log_scalars']['train/loss'].statistics('mean', 2) == 2.0
    assert read['numbers'] == content['numbers']
    assert read['arrays'][0].tolist() == [0, 1, 2]


def test_attributes_of_others_are_no_data(tmp_path):
    class _Attribute:
        def __reduce__(self):
            return getattr, (np.ndarray, 'tofile')

    torch.save(dict(state_dict={}, extra=_Attribute()), tmp_path / 'odd.pth')
    with pytest.raises(ValueError, match=r"odd\.pth holds more than data.*'tofile'"):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'odd.pth'))


@pytest.mark.parametrize('kept', [0, 20, -200])
def test_a_damaged_file_is_named(narrow, tmp_path, kept):
    content = Path(narrow[1]).read_bytes()
    (tmp_path / 'cut.pth').write_bytes(content[:kept])
    with pytest.raises(ValueError, match=r'cut\.pth cannot be read; it may be damaged'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'cut.pth'))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r'there is no checkpoint .*none\.pth'):
        CheckpointLoader.load_checkpoint(str(tmp_path / 'none.pth'))


def test_asked_twice_nothing_changes(narrow):
    read_as_data()
    assert 'state_dict' in CheckpointLoader.load_checkpoint(narrow[1])
