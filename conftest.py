"""The repository's tests; their fixtures come from the plugin that pyproject.toml names."""
