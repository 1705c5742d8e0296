"""The fitting process: the only place where the heavy libraries are loaded, and gone when it ends."""
