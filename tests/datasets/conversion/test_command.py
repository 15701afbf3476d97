import pytest

from einet.datasets.conversion.command import report_errors, run_splits


def test_all_splits_are_tried_though_images_failed():
    tried = []
    with pytest.raises(SystemExit) as error:
        run_splits(['train', 'val'], lambda name: tried.append(name) or name == 'val')
    assert tried == ['train', 'val']
    assert error.value.code == 1


def test_all_went_well():
    run_splits(['train', 'val'], lambda name: True)


@pytest.mark.parametrize('kind', [FileExistsError, RuntimeError, ValueError])
def test_errors_are_messages(kind):
    def fail(name):
        raise kind(f'{name} is wrong')

    with pytest.raises(SystemExit, match='^train is wrong$'):
        run_splits(['train'], fail)


def test_an_interruption():
    def interrupt(name):
        raise KeyboardInterrupt

    with pytest.raises(SystemExit, match='Interrupted. The same command goes on from here'):
        run_splits(['train'], interrupt)


def test_only_the_first_errors_are_printed(capsys):
    report_errors([f'error {i}.' for i in range(23)], 50)
    out = capsys.readouterr().out
    assert '23 of 50 images failed' in out
    assert 'error 19.' in out and 'error 20.' not in out
    assert 'and 3 more' in out
