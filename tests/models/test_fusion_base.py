"""Options and checks that both fusions share."""

import pytest
import torch
from mmdet.registry import MODELS

from einet.functional.steps import finish
from einet.models import EmbeddingPanopticFusion
from einet.models.fusion_base import PanopticFusion
from einet.panoptic_deeplab import OffsetPanopticFusion


@pytest.fixture
def fusion():
    return PanopticFusion(2, 1, kernel_size=3, peak_threshold=0.5, top_k=7, stuff_area=0)


@pytest.mark.parametrize('kind', [EmbeddingPanopticFusion, OffsetPanopticFusion])
def test_options_arrive_and_unknown_ones_are_refused_by_name(kind):
    options = dict(num_things_classes=2, num_stuff_classes=3)
    given = dict(kernel_size=5, peak_threshold=0.25, top_k=9, stuff_area=11)
    fusion = MODELS.build(dict(type=kind.__name__, **options, **given))
    assert {name: getattr(fusion, name) for name in given} == given
    assert (fusion.num_things_classes, fusion.num_classes) == (2, 5)
    assert kind(**options).stuff_area == 4096
    with pytest.raises(TypeError, match=f'{kind.__name__}.*unexpected keyword argument .kernel.'):
        MODELS.build(dict(type=kind.__name__, **options, kernel=5))


@pytest.mark.parametrize('kind', [EmbeddingPanopticFusion, OffsetPanopticFusion])
def test_as_many_classes_as_a_data_set_may_have(kind):
    assert kind(200, 54).num_classes == 254
    with pytest.raises(ValueError, match=f'{kind.__name__}: .* is 255, .* at most 254 classes'):
        kind(200, 55)


def test_maps_become_float32(fusion):
    maps = dict(one=torch.ones(2, 3, 4, dtype=torch.bfloat16), two=torch.ones(1, 3, 4))
    checked = fusion.checked_maps(maps, (2, 1))
    assert list(checked) == ['one', 'two']
    assert checked['one'].dtype == torch.float32
    assert checked['two'] is maps['two']


def test_maps_that_do_not_fit_are_refused_by_name(fusion):
    maps = dict(one=torch.ones(2, 3, 4), two=torch.ones(1, 3, 4))
    with pytest.raises(ValueError, match=r'PanopticFusion: one is .*, expected \(3, 3, 4\)'):
        fusion.checked_maps(maps, (3, 1))
    with pytest.raises(ValueError, match=r'two is \(1, 3, 5\), expected \(1, 3, 4\)'):
        fusion.checked_maps(dict(maps, two=torch.ones(1, 3, 5)), (2, 1))


@pytest.mark.parametrize('value', [float('nan'), float('inf'), float('-inf')])
def test_values_that_are_not_finite_are_refused_by_name(fusion, value):
    maps = dict(one=torch.ones(2, 3, 4), two=torch.ones(1, 3, 4))
    maps['two'][0, 2, 1] = value
    with pytest.raises(ValueError, match='PanopticFusion: two has NaN or infinite values'):
        finish(fusion.check_finite(maps))
