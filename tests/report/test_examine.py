from einet.report.examine import examine

from .scene import evaluated


def test_all_measures_see_the_sample():
    result = examine(evaluated(name='folder/row.jpg'))
    assert result.name == 'row.jpg'
    assert result.statistics.tp.tolist() == [1, 0, 1]
    assert result.explanation.gt_fates[4] == 'missed'
    assert result.masks.gt.labels.tolist() == [0, 0, 1, 1]
    assert result.masks.pred.labels.tolist() == [0, 0, 0, 1, 1]
    # Grass: 15 of 20 pixels.
    assert (result.pixels.intersection[2], result.pixels.annotated[2]) == (15, 20)
