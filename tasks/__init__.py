"""Tasks: one module per task, with one class that generates or reads its batches.

A task is found because its module lies here; its name on the command line is the module's, with hyphens. The keys of
a configuration's [task] table are the keyword arguments of the class.
"""

from minirnn.tasks.base import SPLITS, Batch, Task

__all__ = ["SPLITS", "Batch", "Task"]
