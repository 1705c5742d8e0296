"""The process beside each job, which outlives the agent; of libraries it needs psutil alone."""
