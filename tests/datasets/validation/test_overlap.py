from einet.datasets.validation.overlap import (
    ImageIdentity,
    repeated_images,
    shared_images,
)


def test_repeated_images():
    images = [
        ImageIdentity('a', b'1', 1),
        ImageIdentity('b', b'2', 2),
        ImageIdentity('c', b'1', 3),
        ImageIdentity('a', b'1', 4),
        ImageIdentity('d', None, 5),
        ImageIdentity('e', None, 6),
    ]
    (finding,) = repeated_images(images)
    assert (finding.kind, finding.file, finding.image_id) == ('image-content-twice', 'a', 1)
    assert finding.message == 'the same as c'


def test_many_equal_images_are_one_finding():
    images = [ImageIdentity(name, b'1', name) for name in 'abcdefgh']
    (finding,) = repeated_images(images)
    assert finding.message == 'the same as b, c, d, e, f, ...'


def test_shared_images():
    training = [
        ImageIdentity('train/1', b'1', 1),
        ImageIdentity('train/2', None, 2),
        ImageIdentity('train/3', b'3', 3),
    ]
    scored = [
        ImageIdentity('val/1', b'9', 1),
        ImageIdentity('val/2', None, 2),
        ImageIdentity('train/2', None, 7),
        ImageIdentity('val/4', b'3', 4),
    ]
    found = [(f.kind, f.file, f.image_id, f.message) for f in shared_images(training, scored)]
    assert found == [
        ('split-overlap', 'train/2', 7, 'the same file as training image 2'),
        ('split-overlap', 'val/4', 4, 'the same, byte by byte, as train/3'),
    ]
