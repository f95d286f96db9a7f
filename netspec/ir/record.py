"""What every written thing with arguments is: an op, a loss, an optimizer, a transform. Its fields are its schema."""

from typing import Annotated, ClassVar

from pydantic import BaseModel, BeforeValidator, ConfigDict


class Record(BaseModel):
    """A frozen, strict model that is written as a call: `name`, `name: main argument` or `name: {argument: value}`.

    Unknown arguments are refused, a boolean is never taken for a number, and a list is taken as a tuple (the reader
    of the language hands over tuples). `main` names the argument that needs no name.
    """

    model_config = ConfigDict(
        frozen=True, strict=True, extra="forbid", arbitrary_types_allowed=False, defer_build=True
    )

    name: ClassVar[str] = ""
    main: ClassVar[str | None] = None

    def arguments(self) -> dict[str, object]:
        """The arguments that were written or differ from their defaults, in the order of declaration."""
        fields = type(self).model_fields
        return {
            key: getattr(self, key)
            for key in fields
            if key in self.model_fields_set or getattr(self, key) != fields[key].default
        }


def _as_tuple(value: object) -> object:
    """A list is how YAML writes a tuple."""
    return tuple(value) if isinstance(value, list) else value


Sizes = Annotated[int | tuple[int, ...], BeforeValidator(_as_tuple)]
"""One whole number for every spatial axis, or a list with one number for each."""

Words = Annotated[tuple[str, ...], BeforeValidator(_as_tuple)]
"""A list of words."""

Numbers = Annotated[tuple[float, ...], BeforeValidator(_as_tuple)]
"""A list of numbers."""
