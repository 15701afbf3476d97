from einet.datasets.validation.images import ImageResult
from einet.datasets.validation.overlap import repeated_images, shared_images


def test_repeated_images():
    images = [
        ImageResult('a', 1, b'1'),
        ImageResult('b', 2, b'2'),
        ImageResult('c', 3, b'1'),
        ImageResult('a', 4, b'1'),
        ImageResult('d', 5, None),
        ImageResult('e', 6, None),
    ]
    (finding,) = repeated_images(images)
    assert (finding.kind, finding.file, finding.image_id) == ('image-content-twice', 'a', 1)
    assert finding.message == 'the same as c'


def test_many_equal_images_are_one_finding():
    images = [ImageResult(name, name, b'1') for name in 'abcdefgh']
    (finding,) = repeated_images(images)
    assert finding.message == 'the same as b, c, d, e, f, ...'


def test_shared_images():
    training = [
        ImageResult('train/1', 1, b'1'),
        ImageResult('train/2', 2, None),
        ImageResult('train/3', 3, b'3'),
    ]
    scored = [
        ImageResult('val/1', 1, b'9'),
        ImageResult('val/2', 2, None),
        ImageResult('train/2', 7, None),
        ImageResult('val/4', 4, b'3'),
    ]
    found = [(f.kind, f.file, f.image_id, f.message) for f in shared_images(training, scored)]
    assert found == [
        ('split-overlap', 'train/2', 7, 'the same file as training image 2'),
        ('split-overlap', 'val/4', 4, 'the same, byte by byte, as train/3'),
    ]
