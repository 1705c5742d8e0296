"""Fits, versions and deploys models."""
