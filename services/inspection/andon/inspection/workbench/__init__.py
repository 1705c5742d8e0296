"""A process beside the inspector, at low priority, where files of the model store are tried and measured."""
