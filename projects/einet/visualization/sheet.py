"""Lay images out on one sheet: a title per column, a caption per row."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from .labels import load_font

_MARGIN, _GAP = 32, 14
_TITLE_SIZE, _CAPTION_SIZE, _HEADING_SIZE = 24, 20, 30
_INK, _FAINT, _PAPER = (25, 25, 25), (95, 95, 95), (255, 255, 255)


@dataclass(frozen=True)
class SheetRow:
    """One row of a sheet.

    Attributes:
        caption: Line of text above the images.
        images: One (h, w, 3) uint8 RGB image per column, none wider than the column.
    """

    caption: str
    images: Sequence[np.ndarray]


def panel_size(height: int, width: int, box: int) -> tuple[int, int]:
    """The size that fits an image into a square box with its proportions kept.

    Args:
        height: Image's height.
        width: Image's width.
        box: Side of the square.

    Returns:
        (width, height), both at least 1.
    """
    scale = box / max(height, width)
    return max(1, round(width * scale)), max(1, round(height * scale))


def titled(image: np.ndarray, title: str) -> np.ndarray:
    """Put a line of text above an image, in letters that are small enough for it.

    Args:
        image: (h, w, 3) uint8 RGB.
        title: Text.

    Returns:
        (h + strip, w, 3) uint8 RGB.
    """
    width = image.shape[1]
    strip = Image.new('RGB', (width, 2 * _CAPTION_SIZE), _PAPER)
    pen = ImageDraw.Draw(strip)
    font = _fitting_font(title, _CAPTION_SIZE, width, bold=False)
    pen.text((width / 2, _CAPTION_SIZE), title, _INK, font, anchor='mm')
    return np.concatenate([np.array(strip), image])


def _fitting_font(text: str, size: int, width: int, bold: bool) -> ImageFont.FreeTypeFont:
    """A font of this height, or of less where the text would be wider than it may."""
    while size > 8 and load_font(size, bold, text).getlength(text) > width:
        size -= 1
    return load_font(size, bold, text)


def wrapped_rows(caption: str, images: Sequence[np.ndarray], columns: int) -> list[SheetRow]:
    """Lay any number of images out in as many rows as they need.

    Args:
        caption: Line of text above the first row.
        images: (h, w, 3) uint8 RGB, all of one size.
        columns: Images in a row.

    Returns:
        Rows of exactly ``columns`` images; white ones fill the last.
    """
    blank = np.full_like(images[0], 255)
    filled = [*images, *[blank] * (-len(images) % columns)]
    starts = range(0, len(filled), columns)
    return [SheetRow('' if i else caption, filled[i : i + columns]) for i in starts]


def compose_sheet(
    titles: Sequence[str], rows: Sequence[SheetRow], box: int, heading: str = ''
) -> np.ndarray:
    """Compose a contact sheet.

    Args:
        titles: One per column; the line is left out when all are empty.
        rows: At least one, each with as many images as there are titles.
        box: Width of a column; images are at most this wide and centered in it.
        heading: Line at the top.

    Returns:
        (H, W, 3) uint8 RGB.

    Raises:
        ValueError: A row has another number of images than there are titles, or there is no row.
    """
    if not rows:
        raise ValueError('a contact sheet needs at least one row')
    for row in rows:
        if len(row.images) != len(titles):
            raise ValueError(
                f'row "{row.caption}" has {len(row.images)} images for {len(titles)} titles'
            )
    heading_height = 2 * _HEADING_SIZE if heading else 0
    top = _MARGIN + heading_height + (2 * _TITLE_SIZE if any(titles) else 0)
    caption_heights = [2 * _CAPTION_SIZE if row.caption else 0 for row in rows]
    heights = [max(image.shape[0] for image in row.images) for row in rows]
    width = 2 * _MARGIN + len(titles) * box + (len(titles) - 1) * _GAP
    height = top + sum(heights) + sum(caption_heights) + len(rows) * _GAP + _MARGIN
    sheet = Image.new('RGB', (width, height), _PAPER)
    pen = ImageDraw.Draw(sheet)
    if heading:
        pen.text((_MARGIN, _MARGIN), heading, _INK, load_font(_HEADING_SIZE, text=heading))
    lefts = [_MARGIN + column * (box + _GAP) for column in range(len(titles))]
    for left, title in zip(lefts, titles, strict=True):
        font = _fitting_font(title, _TITLE_SIZE, box, bold=True)
        pen.text((left + box / 2, top - _TITLE_SIZE), title, _INK, font, anchor='mm')
    for row, row_height, caption_height in zip(rows, heights, caption_heights, strict=True):
        pen.text(
            (_MARGIN, top + caption_height / 2),
            row.caption,
            _FAINT,
            load_font(_CAPTION_SIZE, False, row.caption),
            anchor='lm',
        )
        top += caption_height
        for left, image in zip(lefts, row.images, strict=True):
            offset = (
                left + (box - image.shape[1]) // 2,
                top + (row_height - image.shape[0]) // 2,
            )
            sheet.paste(Image.fromarray(image), offset)
        top += row_height + _GAP
    return np.array(sheet)
