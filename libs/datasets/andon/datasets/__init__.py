"""Labelled images in a zip as COCO, YOLO, Pascal VOC or MVTec: read with care, written as a stream."""

from andon.datasets._archive import Limits
from andon.datasets._reading import Found, Reading, read
from andon.datasets._writing import written

__all__ = ["Found", "Limits", "Reading", "read", "written"]
