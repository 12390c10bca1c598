"""Options of a transform as scikit-learn asks for them."""

from __future__ import annotations

import inspect
from typing import Any, Self

from stoker.errors import OptionError

__all__ = ["Parameters"]


class Parameters:
    """A class whose options are keyword arguments: told, changed and copied as scikit-learn does it.

    ``sklearn.base.clone`` makes an unfitted equal, and pipelines and searches set options by name.
    """

    _given: dict[str, Any]

    def __new__(cls, *others: Any, **options: Any) -> Self:
        """Note the options as they are given, which `clone` wants to see again as the same objects."""
        made = super().__new__(cls)
        made._given = options
        return made

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """All options by name, as they were given; none holds options of its own, so `deep` changes nothing.

        Examples
        --------
        >>> from stoker.transforms import HashingVectorizer
        >>> HashingVectorizer(num_features=1024).get_params()["num_features"]
        1024
        """
        return {name: self._given.get(name, default) for name, default in _defaults(type(self)).items()}

    def set_params(self, **options: Any) -> Self:
        """Change options, and forget what was learned with the others.

        Raises
        ------
        OptionError
            If there is no such option, or it cannot be so; nothing is changed then.
        """
        known = _defaults(type(self))
        for name in options:
            if name not in known:
                raise OptionError(f"{type(self).__name__} has no option {name!r}; it has {', '.join(known)}")
        if options:
            given = {**self._given, **options}
            self.__dict__ = type(self)(**given).__dict__
        return self

    def __repr__(self) -> str:
        """How it is made, options that have their defaults left out."""
        known = _defaults(type(self))
        told = (f"{name}={value!r}" for name, value in self._given.items() if value != known[name])
        return f"{type(self).__name__}({', '.join(told)})"


def _defaults(kind: type) -> dict[str, Any]:
    """Options of a class and their defaults."""
    parameters = inspect.signature(kind).parameters.values()
    return {each.name: each.default for each in parameters if each.kind is each.KEYWORD_ONLY}
