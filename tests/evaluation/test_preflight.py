import pytest

from einet.evaluation.preflight import check_file_names, check_image_ids


def _sample(image_id=1, path='root/a/000.png', **fields):
    return dict(img_id=image_id, img_path=path, **fields)


def test_distinct_images_pass():
    samples = [
        _sample(1, 'root/seq0/000.png', file_name='seq0/000.png'),
        _sample(2, 'root/seq1/000.png', file_name='seq1/000.png'),
    ]
    check_image_ids(samples)
    check_file_names(samples)


def test_images_of_one_id_are_named():
    with pytest.raises(ValueError, match=r"a\.png and b\.png have the same image id, 'x'"):
        check_image_ids([_sample('x', 'a.png'), _sample('y', 'c.png'), _sample('x', 'b.png')])


def test_ids_of_two_types_are_refused():
    with pytest.raises(ValueError, match="several types, for example 1 and '2'"):
        check_image_ids([_sample(1, 'a.png'), _sample('2', 'b.png')])


@pytest.mark.parametrize(
    ('first', 'second'),
    [
        (_sample(1, 'one/000.png'), _sample(2, 'two/000.png')),  # nobody says the folder
        (_sample(1, 'one/0.png', file_name='0.png'), _sample(2, 'two/0.png', file_name='0.png')),
        (_sample(1, 'a/0.jpg', file_name='a/0.jpg'), _sample(2, 'a/0.png', file_name='a/0.png')),
    ],
)
def test_results_of_one_name_are_refused(first, second):
    with pytest.raises(ValueError, match=f'{first["img_path"]} and {second["img_path"]} would'):
        check_file_names([first, second])
