"""The pages: links lead somewhere, commands name files that exist, example configs build."""

import re

import pytest
from mmdet.registry import MODELS
from mmengine.config import Config

from .paths import CONFIGS, ROOT

PAGES = [
    ROOT / 'README.md',
    CONFIGS / 'README.md',
    ROOT / 'projects' / 'einet' / 'README.md',
    *sorted((ROOT / 'docs').glob('*.md')),
]
# Files that a page tells the reader to write.
EXAMPLES = {'configs/einet_swin-t_coco.py', 'configs/einet_r18_mine.py'}
MAP = ROOT / 'projects' / 'einet' / 'README.md'


@pytest.fixture(params=PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def page(request):
    return request.param


def test_links_lead_somewhere(page):
    links = re.findall(r'\]\(([^)#\s]+)(?:#[^)]*)?\)', page.read_text())
    local = [link for link in links if '://' not in link]
    assert [link for link in local if not (page.parent / link).exists()] == []


def test_commands_name_files_that_exist(page):
    files = re.findall(
        r'\b((?:tools|configs|benchmarks|tests)/[\w/.-]+\.(?:py|sh))\b', page.read_text()
    )
    assert [f for f in files if f not in EXAMPLES and not (ROOT / f).exists()] == []


def test_the_map_names_every_module():
    text = MAP.read_text()
    package = MAP.parent
    missing = []
    for file in package.rglob('*.py'):
        parts = file.relative_to(package).with_suffix('').parts
        if parts[-1] in ('__init__', 'version'):
            continue
        own = f'`{"/".join(parts)}.py'
        folders = [f'`{"/".join(parts[:n])}/' for n in range(1, len(parts))]
        if not any(name in text for name in (own, *folders)):
            missing.append(file)
    assert missing == []


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
