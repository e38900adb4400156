//! BSDS500: reader of images and human segmentations, and the official region measures
