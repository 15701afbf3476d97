"""Making COCO's panoptic format; the commands are in `tools/dataset_converters/`.

A data set's module has a function for one image. What all share: `inputs` reads with checks,
`split` converts a split in `parallel`, `record` remembers what is done, `command` is what the shell
sees.
"""
