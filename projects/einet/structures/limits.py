"""Numbers that the format fixes, each in one place."""

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
