"""Activations, one per file: f, its adjoint, and the bounds β <= |f'| <= γ."""

from minirnn.activations.abs import Abs
from minirnn.activations.base import Activation
from minirnn.activations.gain import Gain
from minirnn.activations.identity import Identity
from minirnn.activations.leaky_relu import LeakyReLU
from minirnn.activations.modrelu import ModReLU
from minirnn.activations.oplu import OPLU
from minirnn.activations.prelu import PReLU
from minirnn.activations.relu import ReLU
from minirnn.activations.tanh import Tanh

__all__ = ["OPLU", "Abs", "Activation", "Gain", "Identity", "LeakyReLU", "ModReLU", "PReLU", "ReLU", "Tanh"]
