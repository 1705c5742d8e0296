"""Sends a folder and keeps it the same on the server; the file itself is the spool."""

from andon.sync.client.folder_sync import FolderSync, Stats
from andon.sync.client.ledger import Ledger, LedgerTaken
from andon.sync.client.server import GaveUp, Patience, Server, Turned

__all__ = ["FolderSync", "GaveUp", "Ledger", "LedgerTaken", "Patience", "Server", "Stats", "Turned"]
