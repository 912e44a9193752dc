"""What backpropagation through time remembers of the forward pass."""

from minirnn.bptt.base import Memory, Step, copied
from minirnn.bptt.checkpoint import Checkpoint
from minirnn.bptt.reversible import Reversible
from minirnn.bptt.store import Store

__all__ = ["Checkpoint", "Memory", "Reversible", "Step", "Store", "copied"]
