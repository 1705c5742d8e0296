"""The decisions of sync: names, blocks, and whether a chunk goes on where its file ends."""
