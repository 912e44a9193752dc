"""What makes an update of gradients, as a configuration says: the rule of each group, clipping, and the schedule."""

from __future__ import annotations

import inspect
from typing import Any

from minirnn import catalog
from minirnn.arguments import check_call
from minirnn.config import Config
from minirnn.model import Group, Model
from minirnn.optimizers import ClipElementwise, ClipNorm, Optimizer
from minirnn.optimizers.schedules import Schedule


def make_optimizer(config: Config, model: Model) -> Optimizer:
    """The configured rule for every parameter, varied per group as the model's paper does."""
    options = config.optimizer
    clips: list[Any] = []
    if options.clip:
        clips.append(ClipElementwise(options.clip, options.clip_pattern))
    if options.clip_norm:
        clips.append(ClipNorm(options.clip_norm))
    groups = [(group.pattern, _rule(group, config)) for group in model.groups]
    return Optimizer(model.params, groups, model.manifold, clips)


def make_schedule(config: Config) -> Schedule:
    """The configured schedule; one that lasts a number of steps lasts as long as the run, unless told otherwise."""
    options = config.optimizer
    Kind = catalog.find("schedules", options.schedule)
    given = check_call(Kind, options.schedule_options, "optimizer.schedule_options")
    if "steps" in inspect.signature(Kind).parameters and not given.get("steps"):
        given["steps"] = config.train.steps
    return Kind(**given)


def _rule(group: Group, config: Config) -> Any:
    options = config.optimizer
    Rule = catalog.find("rules", group.rule or options.rule)
    given = group.options if group.rule else {**options.options, **group.options}
    return Rule(lr=options.lr * group.lr_scale, **check_call(Rule, given, "optimizer.options"))
