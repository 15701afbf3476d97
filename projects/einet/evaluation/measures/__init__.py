"""One file per measure: PQ, COCO's AP, Cityscapes' AP, mIoU; what they share in ``base``."""
