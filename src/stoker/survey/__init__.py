"""One pass over every row: index, checksums, labels, statistics, and all that is wrong."""

from stoker.survey.labels import LabelCounts, check_classes
from stoker.survey.problems import ColumnProblem, describe_problems
from stoker.survey.result import Survey
from stoker.survey.run import source_key, survey

__all__ = [
    "ColumnProblem",
    "LabelCounts",
    "Survey",
    "check_classes",
    "describe_problems",
    "source_key",
    "survey",
]
