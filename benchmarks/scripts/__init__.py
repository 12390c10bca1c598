"""The same training job as three whole scripts, each timed as a process of its own."""
