"""The engine's ops, for methods of one's own (hardy.own_method).

Values are float32 and begin with the axis of the agents: [A, B] a number a row, [A, E, B] one for each of E members.
+, -, *, / work on two values whose axes are equal or 1, and on a value and a number.
"""

from ._native.ops import *  # noqa: F403
