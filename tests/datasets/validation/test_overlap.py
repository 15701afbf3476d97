from einet.datasets.validation.overlap import (
    PictureIdentity,
    repeated_pictures,
    shared_pictures,
)


def test_repeated_pictures():
    pictures = [
        PictureIdentity('a', b'1', 1),
        PictureIdentity('b', b'2', 2),
        PictureIdentity('c', b'1', 3),
        PictureIdentity('a', b'1', 4),
        PictureIdentity('d', None, 5),
        PictureIdentity('e', None, 6),
    ]
    (finding,) = repeated_pictures(pictures)
    assert (finding.kind, finding.file, finding.image_id) == ('picture-content-twice', 'a', 1)
    assert finding.message == 'the same as c'


def test_many_equal_pictures_are_one_finding():
    pictures = [PictureIdentity(name, b'1', name) for name in 'abcdefgh']
    (finding,) = repeated_pictures(pictures)
    assert finding.message == 'the same as b, c, d, e, f, ...'


def test_shared_pictures():
    training = [
        PictureIdentity('train/1', b'1', 1),
        PictureIdentity('train/2', None, 2),
        PictureIdentity('train/3', b'3', 3),
    ]
    scored = [
        PictureIdentity('val/1', b'9', 1),
        PictureIdentity('val/2', None, 2),
        PictureIdentity('train/2', None, 7),
        PictureIdentity('val/4', b'3', 4),
    ]
    found = [(f.kind, f.file, f.image_id, f.message) for f in shared_pictures(training, scored)]
    assert found == [
        ('split-overlap', 'train/2', 7, 'the same file as training image 2'),
        ('split-overlap', 'val/4', 4, 'the same, byte by byte, as train/3'),
    ]
