import json
from itertools import count
from pathlib import Path

import cv2
import matplotlib
import numpy as np
import pytest
import torch
from mmdet.registry import VISUALIZERS
from mmdet.structures import DetDataSample
from mmengine.structures import InstanceData, PixelData

from einet.visualization import PanopticLocalVisualizer

from .scenes import META, VOID, pets, photo
from .test_ground_truth import segment, write_png

NUMBERS = count()
GAP = 8


def visualizer(meta: dict | None = META, **kwargs) -> PanopticLocalVisualizer:
    # mmengine keeps one visualizer per name; a new name is a new one.
    config = dict(type='PanopticLocalVisualizer', name=f'test{next(NUMBERS)}', **kwargs)
    made = VISUALIZERS.build(config)
    made.dataset_meta = meta
    return made


def sample(truth: np.ndarray | None = None, prediction: np.ndarray | None = None, **meta):
    made = DetDataSample(metainfo=meta)
    for name, panoptic_seg in (('gt', truth), ('pred', prediction)):
        if panoptic_seg is not None:
            data = PixelData(sem_seg=torch.from_numpy(panoptic_seg)[None])
            setattr(made, f'{name}_panoptic_seg', data)
    return made


def test_truth_and_prediction_stand_side_by_side(tmp_path):
    drawer = visualizer(min_size=0, with_names=False)
    prediction = pets()
    prediction[prediction == 2000] = 77000
    out_file = str(tmp_path / 'new' / 'drawn.png')
    drawer.add_datasample('a', photo(), sample(pets(), prediction), out_file=out_file)
    drawn = cv2.imread(out_file)[..., ::-1]
    assert drawn.shape == (60, 2 * 80 + GAP, 3)
    # The same segments under other numbers: the same drawing.
    assert (drawn[:, :80] == drawn[:, 80 + GAP :]).all()
    assert (drawn == drawer.get_image()).all()


def test_small_images_are_enlarged():
    drawer = visualizer(min_size=240)
    drawer.add_datasample('a', photo(), sample(prediction=pets()), draw_gt=False)
    assert drawer.get_image().shape == (240, 320, 3)


def test_without_truth_the_image_itself_is_on_the_left():
    drawer = visualizer(min_size=0)
    drawer.add_datasample('a', photo(), sample(prediction=pets()))
    assert (drawer.get_image()[:, :80] == photo()).all()


def test_truth_is_read_from_its_png(tmp_path):
    id_map = np.zeros((60, 80), int)
    id_map[:30], id_map[30:50, 10:40] = 3, 500
    path = write_png(tmp_path / 'ids.png', id_map)
    truth = np.full((60, 80), VOID)
    truth[:30], truth[30:50, 10:40] = 3, 1000
    drawn = []
    for given in (
        sample(truth, pets()),
        sample(
            None,
            pets(),
            seg_map_path=path,
            segments_info=[segment(500, 0), segment(3, 3)],
            num_classes=VOID,
        ),
    ):
        drawer = visualizer(min_size=0)
        drawer.add_datasample('a', photo(), given)
        drawn.append(drawer.get_image())
    assert (drawn[0] == drawn[1]).all()


@pytest.mark.parametrize('other', ['truth', 'prediction'])
def test_a_map_of_another_size_is_brought_to_the_images(other):
    drawer = visualizer(min_size=0, with_names=False)
    maps = dict(truth=pets(), prediction=pets()) | {other: pets()[::2, ::2].copy()}
    drawer.add_datasample('a', photo(), sample(**maps))
    drawn = drawer.get_image()
    assert drawn.shape == (60, 2 * 80 + GAP, 3)
    # The scene's borders lie on even rows and columns, so that no pixel is lost.
    assert (drawn[:, :80] == drawn[:, 80 + GAP :]).all()


def test_void_that_a_metric_overwrote_with_0_is_void():
    drawn = []
    for void in (VOID, 0):
        prediction = pets()
        prediction[prediction == VOID] = void
        drawer = visualizer(min_size=0)
        drawer.add_datasample('a', photo(), sample(prediction=prediction), draw_gt=False)
        drawn.append(drawer.get_image())
    assert (drawn[0] == drawn[1]).all()


def test_a_palette_by_name_and_none():
    for palette in ('random', None):
        drawer = visualizer({**META, 'palette': palette})
        drawer.add_datasample('a', photo(), sample(pets(), pets()))


def test_missing_class_names_are_an_error():
    with pytest.raises(ValueError, match='class names.*metainfo'):
        visualizer({}).add_datasample('a', photo(), sample(prediction=pets()))


def test_a_font_that_is_missing_is_an_error(tmp_path):
    missing = tmp_path / 'missing.ttf'
    with pytest.raises(FileNotFoundError, match=rf'visualizer\.font: there is no file {missing}$'):
        visualizer(font=str(missing))


def test_names_are_written_in_the_font_that_is_given():
    serif = Path(matplotlib.get_data_path()) / 'fonts' / 'ttf' / 'DejaVuSerif.ttf'
    drawings = []
    for font in (None, str(serif)):
        drawer = visualizer(font=font)
        drawer.add_datasample('a', photo(), sample(prediction=pets()), draw_gt=False)
        drawings.append(drawer.get_image())
    assert (drawings[0] != drawings[1]).any()


def test_nothing_to_draw_shows_the_image():
    drawer = visualizer(min_size=0)
    drawer.add_datasample('a', photo(), sample(pets()), draw_gt=False)
    assert (drawer.get_image() == photo()).all()
    drawer.add_datasample('a', photo(), None)
    assert (drawer.get_image() == photo()).all()


def test_samples_without_a_panoptic_map_are_drawn_by_mmdet():
    given = DetDataSample()
    given.pred_instances = InstanceData(
        bboxes=torch.tensor([[10.0, 12.0, 50.0, 40.0]]),
        labels=torch.tensor([1]),
        scores=torch.tensor([0.9]),
    )
    drawer = visualizer()
    drawer.add_datasample('a', photo(), given, draw_gt=False)
    assert drawer.get_image().shape == (60, 80, 3)
    assert (drawer.get_image() != photo()).any()


def test_backends_record_the_drawing(tmp_path):
    drawer = visualizer(vis_backends=[dict(type='LocalVisBackend')], save_dir=str(tmp_path))
    drawer.add_datasample('val_img', photo(), sample(pets(), pets()), step=7)
    assert len(list(tmp_path.rglob('val_img_7.png'))) == 1


def test_real_nuclei_can_be_told_apart(nuclei_root):
    name = 'panoptic_val'
    content = json.loads((nuclei_root / f'annotations/{name}.json').read_text())
    meta = dict(classes=('nucleus', 'background'), thing_classes=('nucleus',))
    annotation = max(content['annotations'], key=lambda a: len(a['segments_info']))
    file_name = {i['id']: i['file_name'] for i in content['images']}[annotation['image_id']]
    labels = {c['id']: meta['classes'].index(c['name']) for c in content['categories']}
    infos = [segment(s['id'], labels[s['category_id']]) for s in annotation['segments_info']]
    infos = [{**i, 'is_thing': i['category'] == 0} for i in infos]
    image = cv2.imread(str(nuclei_root / 'val' / file_name))
    given = sample(
        prediction=np.full(image.shape[:2], 1),
        seg_map_path=str(nuclei_root / f'annotations/{name}' / annotation['file_name']),
        segments_info=infos,
        num_classes=2,
    )
    drawer = visualizer({**meta, 'palette': [(200, 0, 0), (60, 60, 60)]}, min_size=0)
    drawer.add_datasample('a', image, given)
    left, right = np.split(drawer.get_image(), [image.shape[1]], axis=1)
    assert len(np.unique(left.reshape(-1, 3), axis=0)) > len(
        np.unique(right.reshape(-1, 3), axis=0)
    )
