from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmdet.registry import DATASETS
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.structures import PixelData

from einet.models import PanopticDataPreprocessor
from einet.visualization import check_ground_truth, ground_truth
from tests.paths import CONFIGS

from .scenes import VOID, pets, photo


def write_png(path: Path, id_map: np.ndarray) -> str:
    channels = [id_map >> 16, id_map >> 8 & 255, id_map & 255]
    assert cv2.imwrite(str(path), np.stack(channels, -1).astype(np.uint8))
    return str(path)


def segment(segment_id: int, label: int, iscrowd: int = 0) -> dict:
    return dict(id=segment_id, category=label, is_thing=label < 2, iscrowd=iscrowd)


def packed(truth: list | np.ndarray, **meta) -> DetDataSample:
    sample = DetDataSample(metainfo=meta)
    sample.gt_panoptic_seg = PixelData(sem_seg=torch.as_tensor(truth, dtype=torch.int32)[None])
    return sample


def without_truth(path: str, segments: list[dict]) -> DetDataSample:
    return DetDataSample(metainfo=dict(seg_map_path=path, segments_info=segments, num_classes=VOID))


def test_data_without_truth_are_refused():
    check_ground_truth([dict(data_samples=packed([[1]]))], 'train')
    check_ground_truth([dict(data_samples=without_truth('some.png', []))], 'val')
    with pytest.raises(ValueError, match='the test data have no ground truth: choose another'):
        check_ground_truth([dict(data_samples=without_truth(None, None))], 'test')


def test_padding_is_cut_off_and_the_rest_brought_to_the_images_size():
    # The model saw 4 x 2 (height x width), padded to 5 x 4; the image is twice as wide.
    truth = [[1000, 3, 4, 4], [1000, 2, 4, 4], [1000, 2, 4, 4], [2001, 2, 4, 4], [4, 4, 4, 4]]
    drawn = ground_truth(packed(truth, img_shape=(4, 2)), np.zeros((4, 4, 3), np.uint8))
    assert drawn.tolist() == [
        [1000, 1000, 3, 3],
        [1000, 1000, 2, 2],
        [1000, 1000, 2, 2],
        [2001, 2001, 2, 2],
    ]


def test_what_the_data_preprocessor_pads_is_not_drawn():
    preprocessor = PanopticDataPreprocessor(pad_size_divisor=64, void_label=VOID)
    inputs = [torch.zeros(3, 60, 80, dtype=torch.uint8)]
    sample = packed(pets(), img_shape=(60, 80))
    (seen,) = preprocessor(dict(inputs=inputs, data_samples=[sample]))['data_samples']
    assert seen.gt_panoptic_seg.sem_seg.shape == (1, 64, 128)
    assert (ground_truth(seen, photo()) == pets()).all()


@pytest.mark.parametrize('size', [(90, 120), (131, 77)])
def test_a_map_that_was_enlarged_with_its_image_comes_back(size):
    large = pets()[np.arange(size[0]) * 60 // size[0]][:, np.arange(size[1]) * 80 // size[1]]
    drawn = ground_truth(packed(large, img_shape=size), photo())
    assert (drawn != pets()).mean() < 0.02


def test_a_png_is_not_read_again():
    sample = packed(pets(), seg_map_path='nowhere.png', segments_info=[], num_classes=VOID)
    assert (ground_truth(sample, photo()) == pets()).all()


def test_no_truth_at_all():
    assert ground_truth(DetDataSample(), photo()) is None


class TestWithoutPackedTruth:
    """What test-time augmentation returns: metainfo that leads to the PNG."""

    def test_things_are_numbered_and_void_and_crowd_are_void(self, tmp_path):
        # 70000 needs the third channel; 0 is void.
        id_map = np.array([[70000, 70000, 5, 0], [8, 300, 300, 9]])
        infos = [segment(9, 0, 1), segment(5, 1), segment(8, 3), segment(300, 1), segment(70000, 0)]
        sample = without_truth(write_png(tmp_path / 'a.png', id_map), infos)
        drawn = ground_truth(sample, photo(2, 4))
        first, second, third = (int(drawn[i]) for i in ((0, 2), (1, 1), (0, 0)))
        assert [i % 1000 for i in (first, second, third)] == [1, 1, 0]
        assert len({i // 1000 for i in (first, second, third)} - {0}) == 3
        assert drawn.tolist() == [[third, third, first, 4], [3, second, second, 4]]

    def test_an_id_that_is_not_listed_is_an_error_that_names_the_file(self, tmp_path):
        path = write_png(tmp_path / 'odd.png', np.array([[7, 8]]))
        with pytest.raises(
            ValueError, match=r'odd\.png, segment 8: .* ids .* the annotation lacks'
        ):
            ground_truth(without_truth(path, [segment(7, 2)]), photo(1, 2))

    def test_the_same_as_packed_truth_on_real_nuclei(self, nuclei_root):
        config = Config.fromfile(CONFIGS / '_base_' / 'datasets' / 'nuclei_panoptic.py')
        ordinary = config.val_dataloader.dataset
        ordinary.data_root = f'{nuclei_root}/'
        views = DATASETS.build(ordinary | dict(pipeline=config.tta_pipeline))[7]['data_samples']
        seen = DATASETS.build(ordinary)[7]['data_samples']
        assert 'gt_panoptic_seg' in seen and 'gt_panoptic_seg' not in views[0]
        image = cv2.imread(seen.img_path)
        drawn = ground_truth(DetDataSample(metainfo=views[0].metainfo), image)
        assert len(np.unique(drawn)) > 50
        assert (drawn == ground_truth(seen, image)).all()

    def test_no_segments_at_all(self, tmp_path):
        path = write_png(tmp_path / 'void.png', np.zeros((2, 3), int))
        assert (ground_truth(without_truth(path, []), photo(2, 3)) == VOID).all()
