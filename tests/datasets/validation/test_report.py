from einet.datasets.rules import Finding
from einet.datasets.validation import json_report, text_report


def test_sections():
    found = [
        Finding('stuff-twice', '2 segments', 'a.png', 'x', (1, 2), 'train'),
        Finding('all-void', 'nothing', 'b.png', 0, split='val'),
        Finding('model-class-count', 'num_things_classes'),
    ]
    lines = text_report(found, [], 10).splitlines()
    assert '    train, a.png, image x, segment 1, 2: 2 segments' in lines
    assert '    val, b.png, image 0: nothing' in lines
    assert '    num_things_classes' in lines
    assert lines.index('ERRORS: 2') < lines.index('WARNINGS: 1')
    assert lines[-2:] == ['2 errors, 1 warnings.', 'Correct the errors before training.']
    # In the order of the kinds, not of the findings.
    titles = [line.split(']')[0] for line in lines if ' [' in line]
    assert titles == ['error [model-class-count', 'error [stuff-twice', 'warning [all-void']


def test_lists_are_cut():
    found = [Finding('all-void', f'number {i}') for i in range(7)]
    assert '    ... and 4 more' in text_report(found, [], 3)
    assert 'number 3' not in text_report(found, [], 3)
    assert 'number 6' in text_report(found, [], 0)


def test_json():
    report = json_report([Finding('all-void', 'nothing', 'b.png', 0, split='val')], [])
    assert (report['errors'], report['warnings'], report['sources']) == (0, 1, [])
    assert report['findings'] == [
        dict(
            severity='warning',
            kind='all-void',
            message='nothing',
            file='b.png',
            image_id=0,
            segment_ids=(),
            split='val',
        )
    ]
    assert report['kinds']['all-void']['title'] == 'An image is all void'
