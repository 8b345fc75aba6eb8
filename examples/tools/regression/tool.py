"""regression: how one list of numbers goes with another."""

import math
import statistics
from typing import Annotated

from caxton import InvalidArguments, Tools, tool  # noqa: F401: the component exports `Tools`

PURE = {"annotations": {"readOnlyHint": True, "openWorldHint": False}}
Numbers = Annotated[list[float], {"minItems": 2, "maxItems": 100000}]


def _check(x, y):
    if len(x) != len(y):
        raise InvalidArguments(f"`x` has {len(x)} numbers and `y` {len(y)}: each x belongs to one y")
    if len(set(x)) < 2:
        raise InvalidArguments("all numbers of `x` are the same: there is nothing to compare")


@tool(options=PURE)
def fit(x: Annotated[Numbers, "What is known"], y: Annotated[Numbers, "What goes with it"], at: float | None = None):
    "Fits a straight line through points by least squares; tells slope, intercept, how much of it it explains (r²), and y at another x."
    _check(x, y)
    slope, intercept = statistics.linear_regression(x, y)
    r2 = 1.0 if len(set(y)) < 2 else statistics.correlation(x, y) ** 2
    data = {"slope": slope, "intercept": intercept, "r2": r2, "points": len(x)}
    text = f"y = {slope:.6g} x {'-' if intercept < 0 else '+'} {abs(intercept):.6g}, r² = {r2:.4f}, {len(x)} points"
    if at is not None:
        data["at"] = {"x": at, "y": slope * at + intercept}
        text += f"; at x = {at:.6g}: y = {data['at']['y']:.6g}"
    return text, data


@tool(options=PURE)
def correlate(x: Numbers, y: Numbers, ranks: bool = False):
    "Computes how two lists of numbers go together, from -1 to 1: Pearson's correlation, or Spearman's with `ranks`."
    _check(x, y)
    if len(set(y)) < 2:
        raise InvalidArguments("all numbers of `y` are the same: there is nothing to compare")
    value = statistics.correlation(x, y, method="ranked" if ranks else "linear")
    kind = "Spearman" if ranks else "Pearson"
    return f"{kind}'s correlation of {len(x)} pairs is {value:.6g}", {"correlation": value, "kind": kind.lower(), "points": len(x)}


@tool(options=PURE)
def summary(values: Annotated[Numbers, "The numbers"]):
    "Describes a list of numbers: count, mean, median, standard deviation of a sample, quartiles, minimum, maximum."
    if not all(math.isfinite(value) for value in values):
        raise InvalidArguments("`values` must be finite numbers")
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    data = {
        "count": len(values),
        "mean": statistics.fmean(values),
        "median": middle,
        "stddev": statistics.stdev(values),
        "quartiles": [low, high],
        "min": min(values),
        "max": max(values),
    }
    text = ", ".join(f"{name} {value:.6g}" for name, value in data.items() if not isinstance(value, list))
    return text, data
