"""Diagnostics: what a trained network does to its gradients."""

from minirnn.diagnostics.gradient_flow import jacobian_norms

__all__ = ["jacobian_norms"]
