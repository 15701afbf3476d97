"""The pages say what is there: links, commands, the map of the package, the version."""

import ast
import re
import sys
from fnmatch import fnmatch

import pytest
import torch
import yaml
from mmdet.registry import MODELS
from mmengine.config import Config

from einet import __version__

from .models.samples import make_sample
from .models.tiny import tiny_model
from .paths import CONFIGS, ROOT

PAGES = [
    *sorted(ROOT.glob('*.md')),
    *(ROOT / folder / 'README.md' for folder in ('configs', 'demo', 'weights')),
    ROOT / 'projects' / 'einet' / 'README.md',
    *sorted((ROOT / 'docs').glob('*.md')),
]
# Files that a page tells the reader to write.
EXAMPLES = {'configs/einet_swin-t_coco.py', 'configs/einet_r18_mine.py'}
PACKAGE = ROOT / 'projects' / 'einet'
MAP = PACKAGE / 'README.md'
SOURCES = sorted(
    file.relative_to(PACKAGE).as_posix()
    for file in PACKAGE.rglob('*.py')
    if file.name != '__init__.py'
)
# Files without a test of their own, and where they are tested.
TESTED_ELSEWHERE = {
    'version.py': 'tests/test_docs.py',
}


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request):
    return request.param


def _anchors(page):
    """The headings of a page as the last part of a link."""
    titles = re.findall(r'^#+ (.*)$', page.read_text(), re.M)
    return {re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-') for title in titles}


def test_links_lead_somewhere(page):
    links = re.findall(r'\]\(([^)\s#]*)(?:#([^)]*))?\)', page.read_text())
    for link, anchor in links:
        if '://' in link:
            continue
        target = page.parent / link if link else page
        assert target.exists(), link
        assert not anchor or anchor in _anchors(target), f'{link}#{anchor}'


def test_commands_name_files_that_exist(page):
    files = re.findall(
        r'\b((?:tools|configs|benchmarks|tests)/[\w/.-]+\.(?:py|sh))\b', page.read_text()
    )
    assert [f for f in files if f not in EXAMPLES and not (ROOT / f).exists()] == []


def test_make_has_the_targets_that_pages_name():
    targets = set(re.findall(r'^([a-z-]+):', (ROOT / 'Makefile').read_text(), re.M))
    workflow = yaml.safe_load((ROOT / '.github' / 'workflows' / 'ci.yml').read_text())
    named = set(workflow['jobs']['check']['strategy']['matrix']['target'])
    for page in PAGES:
        named |= set(re.findall(r'(?:^|`)make ([a-z-]+)', page.read_text(), re.M))
    assert named <= targets


def test_the_map_names_every_file_or_its_folder_as_a_whole():
    named = set(re.findall(r'`([\w/*]+(?:/|\.py))', MAP.read_text()))
    files = {file for file in SOURCES if any(fnmatch(file, pattern) for pattern in named)}
    in_parts = {file.rpartition('/')[0] + '/' for file in files}
    wholes = tuple(name for name in named - in_parts if name.endswith('/'))
    missing = [file for file in SOURCES if file not in files and not file.startswith(wholes)]
    assert missing == ['version.py']


def test_the_map_names_only_what_is_there():
    source = '\n'.join((PACKAGE / file).read_text() for file in SOURCES)
    words = set(re.findall(r'\w+', source))
    for code in re.findall(r'`([^`]+)`', MAP.read_text()):
        path, _, names = code.partition(': ')
        if re.fullmatch(r'[\w/*]+(/|\.py)', path):
            root = ROOT if path.startswith(('tests/', 'tools/')) else PACKAGE
            assert list(root.glob(path)), code
            for name in filter(None, names.split(', ')):
                assert re.search(rf'^(def|class) {name}\b', (root / path).read_text(), re.M), code
        elif re.fullmatch(r'\w+\.\w+', code):
            owner, method = code.split('.')
            assert re.search(rf'^class {owner}\b', source, re.M), code
            assert re.search(rf'^    def {method}\b', source, re.M), code
        elif re.fullmatch(r'\w+', code):
            assert code.removeprefix('loss_') in words, code


def test_folders_import_from_those_above_them_in_the_map():
    order = list(dict.fromkeys(re.findall(r'^\| `(\w+)/', MAP.read_text(), re.M)))
    assert set(order) == {path.parent.name for path in PACKAGE.glob('*/__init__.py')}
    for file in filter(lambda file: '/' in file, SOURCES):
        depth, own = file.count('/'), order.index(file.split('/')[0])
        imported = rf'^\s*from \.{{{depth + 1}}}(\w+)'
        for folder in re.findall(imported, (PACKAGE / file).read_text(), re.M):
            assert order.index(folder) < own, f'{file} imports {folder}'


def _walk(title):
    """Functions that the map names, in its order, in the tables below a title."""
    section = MAP.read_text().split(f'## {title}')[1].split('\n## ')[0]
    cells = re.findall(r'^\| (`.*?) \|', section, re.M)
    return [name for cell in cells for name in re.findall(r'`([^`]+)`', cell)]


def _calls(function, *arguments):
    """Functions of the package in the order of their first calls."""
    calls = {}

    def note(frame, event, _):
        if event == 'call' and frame.f_code.co_filename.startswith(str(PACKAGE)):
            calls.setdefault(frame.f_code.co_qualname)

    sys.setprofile(note)
    try:
        function(*arguments)
    finally:
        sys.setprofile(None)
    return list(calls)


def test_the_map_walks_in_the_order_of_the_calls():
    model = MODELS.build(tiny_model())
    sample = make_sample((64, 96), [(0, 8, 8, 40, 30), (1, 50, 4, 90, 60)])
    data = dict(inputs=[torch.zeros(3, 64, 96, dtype=torch.uint8)], data_samples=[sample])
    batch = model.data_preprocessor(data).values()
    training = _walk('One batch through training')
    training = training[training.index('EINet.loss') :]
    assert [name for name in _calls(model.loss, *batch) if name in training] == training
    model.eval()
    model.fusion.peak_threshold = 0.0
    torch.nn.init.constant_(model.semantic_head.classifier.bias[-1:], -9.0)  # things everywhere
    inference = _walk('One image through inference')
    assert [name for name in _calls(model.predict, *batch) if name in inference] == inference


def test_every_file_has_its_test():
    mirrored = {f: ROOT / 'tests' / re.sub(r'(\w+\.py)$', r'test_\1', f) for f in SOURCES}
    assert {f for f, test in mirrored.items() if not test.exists()} == set(TESTED_ELSEWHERE)
    assert all((ROOT / test).exists() for test in TESTED_ELSEWHERE.values())


def test_the_version_is_one():
    citation = yaml.safe_load((ROOT / 'CITATION.cff').read_text())
    assert citation['version'] == __version__
    collections = yaml.safe_load((CONFIGS / 'metafile.yml').read_text())['Collections']
    assert {c['Code']['Version'] for c in collections} == {f'v{__version__}'}
    releases = re.findall(r'^## \[([^\]]+)\]', (ROOT / 'CHANGELOG.md').read_text(), re.M)
    assert releases[:2] == ['Unreleased', __version__]


OPTIONS = re.findall(
    r'`([a-z_.]+)=([^`]+)` \|$', (ROOT / 'docs' / 'method.md').read_text(), re.MULTILINE
)


@pytest.mark.parametrize(('key', 'value'), OPTIONS, ids=lambda part: part)
def test_options_of_the_deviations_are_those_of_the_model(key, value):
    config = Config.fromfile(CONFIGS / 'einet_tiny_shapes.py')
    config.merge_from_dict({f'model.{key}': ast.literal_eval(value)})
    MODELS.build(config.model)


def test_example_of_another_backbone(tmp_path):
    text = (ROOT / 'docs' / 'own_backbone.md').read_text()
    example = next(b for b in re.findall(r'```python\n(.*?)```', text, re.S) if '_base_' in b)
    file = tmp_path / 'einet_swin-t_coco.py'
    file.write_text(example.replace("'./_base_/", f"'{CONFIGS}/_base_/"))
    config = Config.fromfile(file)
    model = MODELS.build(config.model)
    assert type(model.backbone).__name__ == 'SwinTransformer'
    # All but the backbone is the ResNet-50 preset's, what the data set asks for included.
    preset = Config.fromfile(CONFIGS / 'einet_r50_coco.py')
    for part in ('backbone', 'semantic_decoder', 'instance_decoder'):
        del config.model[part], preset.model[part]
    assert config.model == preset.model
