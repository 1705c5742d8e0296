"""OPC 40100-1 Machine Vision: each station as a VisionSystem."""
