"""Datasets: versions of labelled images that never change."""
