"""How probable it is of each variant that it is the best one, given what was seen.

Loads numpy: import it where it is called.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from analytics.experiments.comparing import Numbers, Sample, Share

DRAWS = 100_000
"""A probability is off by at most about 0.3 points."""

SEED = 20_200_217
"""Any: the same figures answer the same."""


def probabilities(samples: Mapping[str, Sample], *, is_lower_better: bool) -> dict[str, float] | None:
    """By variant; None for fewer than two variants, or where one has too few people for its spread to be known.

    Draws of what each variant's true value may be: for shares from Beta(1 + converted, 1 + others), the posterior of a
    uniform prior; for means from Student's t around the mean, the posterior of the usual uninformative prior (Gelman
    and others, Bayesian Data Analysis, 3rd edition, 2.4 and 3.2). Ties are shared.
    """
    generator = np.random.default_rng(SEED)
    draws = [_draws(sample, generator) for sample in samples.values()]
    whole = [one for one in draws if one is not None]
    if len(whole) < 2 or len(whole) < len(draws):
        return None
    values = np.stack(whole) * (-1 if is_lower_better else 1)
    is_best = values == values.max(axis=0)
    shares = (is_best / is_best.sum(axis=0)).mean(axis=1)
    return {variant: float(share) for variant, share in zip(samples, shares, strict=True)}


def _draws(sample: Sample, generator: np.random.Generator) -> NDArray[np.float64] | None:
    if isinstance(sample, Share):
        if not sample.people:
            return None
        return generator.beta(1 + sample.converted, 1 + sample.people - sample.converted, DRAWS)
    return _means(sample, generator)


def _means(sample: Numbers, generator: np.random.Generator) -> NDArray[np.float64] | None:
    if sample.mean is None or sample.error_squared is None:
        return None
    return sample.mean + math.sqrt(sample.error_squared) * generator.standard_t(sample.people - 1, DRAWS)
