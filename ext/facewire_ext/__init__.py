"""Fitting of images, box decoding, suppression, rescaling, JPEG scans, and shared memory.

Rule: the GIL is released while data is read. Functions read and fill arrays of the caller
by the buffer protocol; NumPy is not imported.
"""

from facewire_ext._anchors import AnchorLevels, decode_anchors
from facewire_ext._atss import AtssLevels, decode_atss
from facewire_ext._fit import fit, fit_yuv
from facewire_ext._jpeg import ScanReader
from facewire_ext._kernels import simd_level, simd_levels, use_simd_level
from facewire_ext._nms import nms
from facewire_ext._placement import Placement, rescale
from facewire_ext._rows import decode_boxes_labels, decode_boxes_scores, decode_ssd
from facewire_ext._shared_mapping import SharedMapping
from facewire_ext._soft_nms import soft_nms
from facewire_ext._workspace import Workspace
from facewire_ext._yolo import YoloRows, decode_yolo
from facewire_ext._yolo_levels import YoloLevels, decode_yolo_levels
from facewire_ext._yunet import YunetLevels, decode_yunet

__all__ = [
    "AnchorLevels",
    "AtssLevels",
    "Placement",
    "ScanReader",
    "SharedMapping",
    "Workspace",
    "YoloLevels",
    "YoloRows",
    "YunetLevels",
    "decode_anchors",
    "decode_atss",
    "decode_boxes_labels",
    "decode_boxes_scores",
    "decode_ssd",
    "decode_yolo",
    "decode_yolo_levels",
    "decode_yunet",
    "fit",
    "fit_yuv",
    "nms",
    "rescale",
    "simd_level",
    "simd_levels",
    "soft_nms",
    "use_simd_level",
]
