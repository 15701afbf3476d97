"""The report of a (narrow, untrained) model on a (tiny) data set, and how it looks in a browser."""

import json
import re
import shutil

import pytest

from ..browser import Browser, find_browser
from ..paths import CONFIGS
from .load import load_tool
from .narrow import bare_annotations, narrow_model

pytestmark = pytest.mark.slow

IMAGES = 500
LAYERS = ('image', 'truth', 'prediction', 'errors', 'heatmap', 'embedding')


@pytest.fixture(scope='module')
def command(tmp_path_factory) -> list[str]:
    """Config, checkpoint and data root, with 4 images to score."""
    return narrow_model(tmp_path_factory.mktemp('reported'), 'einet_tiny_shapes.py')


@pytest.fixture(scope='module')
def report(command, tmp_path_factory):
    """Folder of a report that compares the model with itself."""
    config, checkpoint, data_root = command
    folder = tmp_path_factory.mktemp('report')
    options = ['--data-root', data_root, '--against', checkpoint, '--box', '120', '--device', 'cpu']
    load_tool('analysis_tools/report.py').main(
        [config, checkpoint, '--out-dir', str(folder), *options]
    )
    return folder


def read_data(folder) -> dict:
    text = (folder / 'data.js').read_text()
    return json.loads(text.removeprefix('const REPORT = ').removesuffix(';\n'))


def test_every_image_has_its_layers(report):
    data = read_data(report)
    keys = [*LAYERS, 'other_prediction', 'other_errors']
    assert [layer['key'] for layer in data['layers']] == keys
    assert len(data['images']) == 4
    for entry in data['images']:
        folder = report / entry['folder']
        assert {file.stem for file in folder.iterdir()} == {*keys, 'segments'}
        text = (folder / 'segments.js').read_text()
        assert text.startswith('einetSegments({')
        assert entry['A'] == entry['B']
        assert entry['agreement'] == 100


def test_counts_of_images_and_classes_agree(report):
    images = read_data(report)['images']
    rows = re.findall(r'data-label="\d+">.*?</tr>', (report / 'index.html').read_text(), re.S)
    cells = [re.findall(r'data-key="(\d+)">\d+</td>', row)[:3] for row in rows]
    found, false, missed = (sum(int(row[k]) for row in cells) for k in range(3))
    errors = [image['A']['errors'] for image in images]
    assert sum(e['found'] for e in errors) == found
    pairs = sum(e['wrong class'] + e['too loose'] for e in errors)
    assert sum(e['missed'] for e in errors) + pairs == missed
    assert sum(e['invented'] for e in errors) + pairs == false


def test_mistakes_are_one_line(command, tmp_path):
    config, checkpoint, data_root = command
    tool = load_tool('analysis_tools/report.py')
    with pytest.raises(SystemExit):
        tool.parse_args([config, checkpoint, '--against', 'nowhere.pth'])
    (tmp_path / 'file').touch()
    with pytest.raises(SystemExit, match='--out-dir: cannot write'):
        tool.main([config, checkpoint, '--out-dir', str(tmp_path / 'file')])
    options = ['--data-root', data_root, '--out-dir', str(tmp_path), '--device', 'cpu']
    with pytest.raises(SystemExit, match='is no checkpoint of .*are missing or have another shape'):
        tool.main([str(CONFIGS / 'einet_tiny_shapes.py'), checkpoint, *options])


def test_data_without_ground_truth_are_refused(command, tmp_path):
    config, checkpoint, data_root = command
    tool = load_tool('analysis_tools/report.py')
    bare = bare_annotations(config, data_root, tmp_path)
    options = ['--data-root', data_root, '--out-dir', str(tmp_path / 'report')]
    options += ['--cfg-options', f'val_dataloader.dataset.ann_file={bare}']
    with pytest.raises(SystemExit, match='the val data have no ground truth: choose another'):
        tool.main([config, checkpoint, *options])


@pytest.fixture(scope='module')
def browser(report, tmp_path_factory):
    """The page with the four images over and over, as if there were many."""
    program = find_browser()
    folder = tmp_path_factory.mktemp('many')
    shutil.copytree(report, folder / 'report')
    data = read_data(report)
    kinds, data['images'] = data['images'], []
    for number in range(IMAGES):
        entry = json.loads(json.dumps(kinds[number % 4])) | dict(name=f'{number:03d}.jpg')
        entry['A']['pq'] = (number * 37) % 101
        entry['agreement'] = (number * 53) % 101
        data['images'].append(entry)
    text = f'const REPORT = {json.dumps(data)};'
    (folder / 'report' / 'data.js').write_text(text)
    browser = Browser(program, folder / 'profile')
    browser.call(
        'Network.emulateNetworkConditions',
        offline=True,
        latency=0,
        downloadThroughput=0,
        uploadThroughput=0,
    )
    browser.open(folder / 'report' / 'index.html')
    yield browser
    browser.close()


class TestInABrowser:
    @pytest.fixture(autouse=True)
    def no_error(self, browser):
        """Nothing is logged as an error, and nothing is asked of a network."""
        yield
        assert browser.errors == []
        assert [url for url in browser.requests if not url.startswith(('file:', 'data:'))] == []

    def names(self, browser, count=3):
        return browser.evaluate(
            f"[...document.querySelectorAll('.card h3 span:first-child')].slice(0, {count})"
            f'.map((e) => e.textContent)'
        )

    def test_images_load_when_they_are_seen(self, browser):
        browser.evaluate('scrollTo(0, 0)')
        browser.wait("document.querySelectorAll('.card').length === 500")
        pictures = [url for url in browser.requests if url.endswith('.jpg')]
        loaded = '[...document.images].filter((i) => i.currentSrc && i.complete && i.naturalWidth)'
        assert browser.evaluate(f'{loaded}.length') < 150
        assert {url.rpartition('/')[2] for url in pictures} <= {'prediction.jpg'}

    def test_a_click_on_a_heading_sorts(self, browser):
        cells = "[...document.querySelectorAll('.sortable tbody tr')].map((r) => r.cells[%d]%s)"
        browser.evaluate("document.querySelectorAll('.sortable th')[3].scrollIntoView()")
        missed = browser.evaluate(cells % (7, '.dataset.key'))
        browser.point('.sortable thead th:nth-child(8)', click=True)  # FN, largest first
        ordered = browser.evaluate(cells % (7, '.dataset.key'))
        assert ordered == sorted(missed, key=int, reverse=True)
        assert len(set(ordered)) > 1
        browser.point('.sortable thead th:nth-child(1)', click=True)
        browser.point('.sortable thead th:nth-child(1)', click=True)
        names = browser.evaluate(cells % (0, '.textContent'))
        assert names == sorted(names)
        # AP of stuff is not measured: last in both directions.
        for _ in range(2):
            browser.point('.sortable thead th:nth-child(9)', click=True)
            assert browser.evaluate(cells % (8, '.textContent'))[-3:] == ['-'] * 3

    def test_order_and_filters(self, browser):
        images = browser.evaluate('REPORT.images')
        browser.choose('#order', 'worst')
        assert self.names(browser, 5) == ['000.jpg', '101.jpg', '202.jpg', '303.jpg', '404.jpg']
        browser.choose('#order', 'differ')
        assert self.names(browser, 2) == ['000.jpg', '101.jpg']
        browser.choose('#order', 'best')
        assert images[int(self.names(browser, 1)[0][:3])]['A']['pq'] == 100
        browser.choose('#order', 'name')
        assert self.names(browser) == ['000.jpg', '001.jpg', '002.jpg']
        browser.choose('#class', '1')
        count = sum('1' in image['A']['classes'] for image in images)
        assert browser.evaluate("document.querySelectorAll('.card').length") == count
        browser.choose('#error', 'missed')
        missed = [i for i in images if i['A']['class_errors'].get('1', {}).get('missed')]
        text = browser.evaluate("document.querySelector('#count').textContent")
        assert text == f'{len(missed)} of 500 images'
        counts = missed[0]['A']['class_errors']['1']
        shown = browser.evaluate("document.querySelector('.card p').textContent")
        kinds = ('missed', 'invented', 'wrong class', 'too loose')
        expected = [f'{counts[kind]} {kind}' for kind in kinds if kind in counts]
        assert shown.partition(', ')[2] == ', '.join(expected)
        browser.choose('#error', '')
        browser.choose('#class', '')

    def test_many_images_stay_fluid(self, browser):
        # Each takes a few milliseconds here; the limit is for a slow machine.
        took = browser.evaluate(
            """(() => {
              const start = performance.now();
              for (const order of ['worst', 'name', 'best']) {
                document.querySelector('#order').value = order;
                updateGallery();
              }
              document.querySelectorAll('[name=layer]')[3].checked = true;
              updateLayer();
              document.body.offsetHeight; // until the layout is done
              return performance.now() - start;
            })()"""
        )
        assert took < 4 * 500

    def test_keys_and_buttons_switch_the_layer(self, browser):
        shown = "document.querySelector('.card img').getAttribute('src').split('/').pop()"
        browser.press('4')
        assert browser.evaluate(shown) == 'errors.jpg'
        assert browser.evaluate("document.querySelector('#legend').hidden") is False
        browser.evaluate("document.querySelector('#gallery').scrollIntoView()")
        browser.point('#layers label:nth-of-type(2)', click=True)
        assert browser.evaluate(shown) == 'truth.jpg'
        assert browser.evaluate("document.querySelector('#legend').hidden") is True

    def test_hovering_names_the_segment(self, browser):
        browser.evaluate("document.querySelector('.card').scrollIntoView({block: 'center'})")
        browser.point('.card .picture', 0.5, 0.02)
        browser.wait("!document.querySelector('#tip').hidden")
        text = browser.evaluate("document.querySelector('#tip').innerText")
        # The top of every scene is sky.
        assert re.match(r'ground truth: sky, [\d,]+ pixels, ', text)
        assert '\nprediction: ' in text
        browser.point('#order')
        browser.wait("document.querySelector('#tip').hidden")

    def test_an_image_can_be_enlarged(self, browser):
        browser.choose('#order', 'name')
        browser.point('.card .picture', click=True)
        browser.wait("document.querySelector('#viewer').open")
        browser.wait("document.querySelectorAll('#viewer-segments tbody tr').length > 1")
        title = "document.querySelector('#viewer-name').textContent"
        assert browser.evaluate(title).startswith('000.jpg, PQ ')
        browser.point('#viewer-segments tbody tr')
        browser.wait("!document.querySelector('#viewer .frame').hidden")
        browser.press('ArrowRight')
        assert browser.evaluate(title).startswith('001.jpg')
        browser.press('5')
        source = browser.evaluate("document.querySelector('#viewer-image').src")
        assert source.endswith('000001/heatmap.jpg')
        browser.point('#close', click=True)
        browser.wait("!document.querySelector('#viewer').open")
        browser.wait("document.querySelector('#gallery #layers')")

    def test_a_class_leads_to_its_images(self, browser):
        browser.point('[data-label="2"]', click=True)
        assert browser.evaluate("document.querySelector('#class').value") == '2'
        browser.choose('#class', '')
