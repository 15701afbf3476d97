"""Numbers that the format fixes, and what is too large to be meant; each in one place."""

#: Label of pixels that no loss and no score counts: void and crowd.
IGNORE_LABEL = 255
#: Labels are uint8; 255 is ignored, and void takes the label after the last class.
MAX_CLASSES = 254
#: Segment ids are 24-bit colors in a PNG; 0 is void.
MAX_ID = 256**3 - 1
#: A panoptic value is label + INSTANCE_OFFSET * instance, as in ``mmdet.evaluation.functional``.
INSTANCE_OFFSET = 1000
#: Segments of one image: their indices are uint16 without 0, which is void, and 255, the padding.
MAX_SEGMENTS = 2**16 - 2
#: Pixels of one image, 16,384 x 16,384: beyond that a small file can fill the memory.
MAX_PIXELS = 2**28
#: Bytes of an annotation file; COCO's largest has 0.3 GB.
MAX_JSON_BYTES = 2**31
