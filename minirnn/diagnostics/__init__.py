"""Diagnostics: what a trained network does to its gradients."""

from minirnn.diagnostics.base import Diagnostic
from minirnn.diagnostics.bounds import Bounds
from minirnn.diagnostics.capacity import Capacity
from minirnn.diagnostics.dead_units import DeadUnits
from minirnn.diagnostics.gradient_flow import GradientFlow, jacobian_norms
from minirnn.diagnostics.loss_gradient import LossGradient
from minirnn.diagnostics.non_normality import NonNormality
from minirnn.diagnostics.pseudospectrum import Pseudospectrum
from minirnn.diagnostics.robustness import Robustness
from minirnn.diagnostics.spectrum import Spectrum
from minirnn.diagnostics.subject import Subject

__all__ = [
    "Bounds", "Capacity", "DeadUnits", "Diagnostic", "GradientFlow", "LossGradient", "NonNormality", "Pseudospectrum",
    "Robustness", "Spectrum", "Subject", "jacobian_norms",
]
