"""Aligned Xception: timm's parameter names, sizes at odd images, freezing, loading."""

import pytest
import torch
from mmdet.registry import MODELS
from mmengine.config import Config
from torch import nn

from einet.models.backbones.xception import Xception41, Xception65, Xception71

from ...paths import CONFIGS

NORM = ('weight', 'bias', 'running_mean', 'running_var', 'num_batches_tracked')
EVERY = range(5)


def timm_keys(num_blocks: int, shortcuts: tuple[int, ...]) -> set[str]:
    """State-dict keys that timm's network of that many blocks has."""
    convs_and_norms = [(f'stem.{i}.conv', f'stem.{i}.bn') for i in (0, 1)]
    convs_and_norms += [
        (f'blocks.{i}.stack.conv{j}.conv_{part}', f'blocks.{i}.stack.conv{j}.bn_{part}')
        for i in range(num_blocks)
        for j in (1, 2, 3)
        for part in ('dw', 'pw')
    ]
    convs_and_norms += [(f'blocks.{i}.shortcut.conv', f'blocks.{i}.shortcut.bn') for i in shortcuts]
    keys = {f'{conv}.weight' for conv, _ in convs_and_norms}
    keys |= {f'{norm}.{name}' for _, norm in convs_and_norms for name in NORM}
    return keys | {'head.fc.weight', 'head.fc.bias'}


@pytest.mark.parametrize(
    ('network', 'parameters', 'num_blocks', 'shortcuts'),
    [
        (Xception41, 26_969_560, 13, (0, 1, 2, 11)),
        (Xception65, 39_916_312, 21, (0, 1, 2, 19)),
        (Xception71, 42_338_736, 23, (0, 1, 2, 3, 4, 21)),
    ],
)
def test_parameters_are_timm_s(network, parameters, num_blocks, shortcuts):
    with torch.device('meta'):
        model = network(num_classes=1000)
    assert sum(p.numel() for p in model.parameters()) == parameters
    assert set(model.state_dict()) == timm_keys(num_blocks, shortcuts)


def test_shapes_of_xception71_are_timm_s():
    with torch.device('meta'):
        state = Xception71(num_classes=1000).state_dict()
    expected = {
        'stem.0.conv.weight': (32, 3, 3, 3),
        'stem.1.conv.weight': (64, 32, 3, 3),
        'blocks.0.stack.conv1.conv_dw.weight': (64, 1, 3, 3),
        'blocks.0.shortcut.conv.weight': (128, 64, 1, 1),
        'blocks.1.stack.conv1.conv_pw.weight': (256, 128, 1, 1),
        'blocks.3.stack.conv1.conv_pw.weight': (728, 256, 1, 1),
        'blocks.4.shortcut.conv.weight': (728, 728, 1, 1),
        'blocks.20.stack.conv3.bn_pw.running_var': (728,),
        'blocks.21.stack.conv1.conv_pw.weight': (728, 728, 1, 1),
        'blocks.21.stack.conv2.conv_pw.weight': (1024, 728, 1, 1),
        'blocks.21.shortcut.conv.weight': (1024, 728, 1, 1),
        'blocks.22.stack.conv1.conv_pw.weight': (1536, 1024, 1, 1),
        'blocks.22.stack.conv3.conv_dw.weight': (1536, 1, 3, 3),
        'blocks.22.stack.conv3.conv_pw.weight': (2048, 1536, 1, 1),
        'head.fc.weight': (1000, 2048),
    }
    assert {key: tuple(state[key].shape) for key in expected} == expected


@pytest.mark.parametrize('output_stride', [8, 16, 32])
def test_the_same_weights_fit_at_every_output_stride(output_stride):
    with torch.device('meta'):
        model = Xception71(output_stride=output_stride, num_classes=1000)
    assert set(model.state_dict()) == timm_keys(23, (0, 1, 2, 3, 4, 21))


@pytest.mark.parametrize(
    ('output_stride', 'strides', 'dilations'),
    [
        (32, (2, 4, 8, 16, 32), {1}),
        (16, (2, 4, 8, 16, 16), {1, 2}),
        (8, (2, 4, 8, 8, 8), {1, 2, 4}),
    ],
)
@pytest.mark.parametrize('network', [Xception41, Xception71])
@torch.no_grad()
def test_features_at_an_odd_size(network, output_stride, strides, dilations):
    with torch.device('meta'):  # sizes only: no arithmetic
        model = network(out_indices=EVERY, output_stride=output_stride)
    assert model.feature_strides == strides
    assert {m.dilation[0] for m in model.modules() if isinstance(m, nn.Conv2d)} == dilations
    feats = model(torch.empty(2, 3, 97, 131, device='meta'))
    assert [feat.shape[1] for feat in feats] == [128, 256, 728, 1024, 2048]
    sizes = [(-(-97 // stride), -(-131 // stride)) for stride in strides]
    assert [tuple(feat.shape[-2:]) for feat in feats] == sizes


@torch.no_grad()
def test_default_picks_fit_the_decoders():
    model = MODELS.build(dict(type='Xception71')).eval()
    assert model.out_channels == (256, 728, 2048)
    feats = model(torch.randn(1, 3, 65, 33))
    assert [tuple(f.shape[1:]) for f in feats] == [(256, 17, 9), (728, 9, 5), (2048, 5, 3)]


@torch.no_grad()
def test_dilation_keeps_what_a_strided_network_computes():
    # With stride 32 the last feature samples the stride-16 grid: the dilated network's values at
    # every second cell are the strided network's.
    strided, dilated = (Xception41(out_indices=EVERY, output_stride=s).eval() for s in (32, 16))
    dilated.load_state_dict(strided.state_dict())
    x = torch.randn(1, 3, 65, 97)
    coarse, fine = strided(x)[-1], dilated(x)[-1][..., ::2, ::2]
    assert coarse.shape == fine.shape == (1, 2048, 3, 4)
    torch.testing.assert_close(coarse, fine)


def test_all_parameters_learn():
    model = Xception41(out_indices=EVERY)
    sum(feat.mean() for feat in model(torch.randn(2, 3, 32, 48))).backward()
    assert all(p.grad is not None for p in model.parameters())


def test_initialization_counts_what_a_depthwise_filter_reads():
    torch.manual_seed(0)
    model = Xception41()
    model.init_weights()
    conv = model.blocks[5].stack['conv1']
    assert abs(conv.conv_dw.weight.std().item() / (2 / 9) ** 0.5 - 1) < 0.05
    assert abs(conv.conv_pw.weight.std().item() / (2 / 728) ** 0.5 - 1) < 0.05


def test_recomputation_gives_the_same_gradient():
    torch.manual_seed(0)
    x = torch.randn(1, 3, 33, 33)
    plain, recomputed = Xception41(norm_eval=True), Xception41(norm_eval=True, with_cp=True)
    recomputed.load_state_dict(plain.state_dict())
    gradients = []
    for model in (plain, recomputed):
        sum(feat.square().mean() for feat in model.train()(x)).backward()
        gradients.append(model.stem[0].conv.weight.grad)
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize(('options', 'runs'), [({}, 1), (dict(with_cp=True), 2)])
def test_activations_are_recomputed_on_request_only(options, runs):
    model = Xception41(norm_eval=True, **options)
    calls = []
    model.blocks[1].stack['conv1'].register_forward_pre_hook(lambda *_: calls.append(1))
    model.train()(torch.randn(1, 3, 17, 33))[-1].sum().backward()
    assert len(calls) == runs


@pytest.mark.parametrize(
    ('frozen_stages', 'first_learning'),
    [(-1, 'stem.0'), (0, 'blocks.0'), (1, 'blocks.1'), (3, 'blocks.5'), (4, 'blocks.22')],
)
def test_frozen_stages(frozen_stages, first_learning):
    with torch.device('meta'):
        model = Xception71(frozen_stages=frozen_stages).train()
    learning = [name for name, p in model.named_parameters() if p.requires_grad]
    assert learning[0].startswith(f'{first_learning}.')
    norms = {name: m.training for name, m in model.named_modules() if isinstance(m, nn.BatchNorm2d)}
    assert all(training == (f'{name}.weight' in learning) for name, training in norms.items())


def test_norm_eval_keeps_statistics_in_training():
    model = Xception41(norm_eval=True).train()
    before = model.stem[0].bn.running_mean.clone()
    model(torch.randn(1, 3, 32, 32))
    assert torch.equal(model.stem[0].bn.running_mean, before)
    assert model.training and not model.stem[0].bn.training


def test_eps_is_the_published_one_unless_given():
    with torch.device('meta'):
        assert {m.eps for m in Xception41().modules() if isinstance(m, nn.BatchNorm2d)} == {1e-3}
        other = Xception41(norm_cfg=dict(type='BN', eps=1e-5))
    assert other.stem[0].bn.eps == 1e-5


@torch.no_grad()
def test_published_weights_load_without_their_classifier(tmp_path):
    torch.manual_seed(0)
    published = Xception41(num_classes=10)
    torch.save(published.state_dict(), tmp_path / 'xception41.pth')
    pretrained = dict(type='Pretrained', checkpoint=str(tmp_path / 'xception41.pth'))
    model = Xception41(init_cfg=pretrained)
    model.init_weights()
    x = torch.randn(1, 3, 33, 47)
    for ours, theirs in zip(model.eval()(x), published.eval()(x), strict=True):
        assert torch.equal(ours, theirs)


def test_the_preset_takes_every_tensor_from_the_published_file(tmp_path):
    with torch.device('meta'):
        shapes = {k: v.shape for k, v in Xception71(num_classes=1000).state_dict().items()}
    # A value of its own for each name, so that none can take another's place.
    published = {
        name: torch.tensor(float(index)).expand(shapes[name])
        for index, name in enumerate(sorted(timm_keys(23, (0, 1, 2, 3, 4, 21))), start=2)
    }
    torch.save(published, tmp_path / 'xception71.pth')
    preset = Config.fromfile(CONFIGS / '_base_' / 'models' / 'trunk_x71.py').trunk.backbone
    preset.init_cfg.checkpoint = str(tmp_path / 'xception71.pth')
    model = MODELS.build(preset)
    reports = []
    model.register_load_state_dict_post_hook(lambda _, keys: reports.append(keys))
    model.init_weights()
    (report,) = reports
    assert report.missing_keys == []
    state = model.state_dict()
    assert set(published) - set(state) == {'head.fc.weight', 'head.fc.bias'}
    assert len(state) == 876
    assert all((value == published[name].flatten()[0]).all() for name, value in state.items())


@torch.no_grad()
def test_classifier():
    model = Xception41(num_classes=7).eval()
    last = model(torch.randn(2, 3, 33, 47))[-1]
    logits = model.classify(last)
    expected = last.mean((2, 3)) @ model.head['fc'].weight.T + model.head['fc'].bias
    torch.testing.assert_close(logits, expected)
    with torch.device('meta'), pytest.raises(RuntimeError, match='Xception41: no classifier'):
        Xception41().classify(last)


@pytest.mark.parametrize(
    ('options', 'message'),
    [
        (dict(output_stride=4), 'Xception71: output_stride must be 8, 16 or 32, got 4'),
        (dict(out_indices=(1, 5)), r'Xception71: out_indices must be from 0 to 4.*\(1, 5\)'),
        (dict(out_indices=()), 'Xception71: out_indices'),
        (dict(frozen_stages=6), 'Xception71: frozen_stages must be from -1 to 5, got 6'),
    ],
)
def test_errors(options, message):
    with pytest.raises(ValueError, match=message):
        Xception71(**options)
