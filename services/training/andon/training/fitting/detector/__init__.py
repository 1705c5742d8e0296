"""A detection head on frozen features: classes and boxes of outlined defects, without a framework."""
