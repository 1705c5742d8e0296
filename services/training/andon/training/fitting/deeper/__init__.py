"""The detector by torch: the backbone's upper half is learned, too, where a machine has torch."""
