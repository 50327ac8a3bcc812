"""The shapes that systems come in, for `drkit init`: which there are, the schedule of each, what to do next."""

from drkit.shapes.known import SHAPES as SHAPES
from drkit.shapes.known import Facts as Facts
from drkit.shapes.known import Shape as Shape
from drkit.shapes.known import find_remarks as find_remarks
from drkit.shapes.known import tell_shape as tell_shape
from drkit.shapes.schedule import write_text as write_text
from drkit.shapes.steps import say_next as say_next
