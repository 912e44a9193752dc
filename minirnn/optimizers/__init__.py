"""Update rules, one per file; gradient clipping; and the optimizer that gives each parameter its rule."""

from minirnn.optimizers.adam import Adam
from minirnn.optimizers.base import Rule
from minirnn.optimizers.clip import ClipElementwise, ClipNorm
from minirnn.optimizers.geodesic import Geodesic
from minirnn.optimizers.optimizer import Optimizer
from minirnn.optimizers.plumbley_multiplicative import PlumbleyMultiplicative
from minirnn.optimizers.rmsprop import RMSprop
from minirnn.optimizers.sgd import SGD

__all__ = [
    "SGD", "Adam", "ClipElementwise", "ClipNorm", "Geodesic", "Optimizer", "PlumbleyMultiplicative", "RMSprop", "Rule",
]
