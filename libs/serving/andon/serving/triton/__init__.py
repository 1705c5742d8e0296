"""Inference by a Triton server: Andon writes, loads and unloads the models, the server runs them."""

from andon.serving.triton._client import TritonServer, ping
from andon.serving.triton._predictor import TritonPredictor
from andon.serving.triton._repository import FolderRepository, Repository

__all__ = ["FolderRepository", "Repository", "TritonPredictor", "TritonServer", "ping"]
