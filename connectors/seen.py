"""Which numbers were met before, in 16 to 32 bytes each: a million ids in a Python set take four times that."""

from __future__ import annotations

from array import array

_EMPTY = 0
_SPREAD, _MASK = 0x9E3779B97F4A7C15, (1 << 64) - 1


class Seen:
    """A set of numbers from 1 to 2**64 - 1 that only grows; an open-addressed table, at most half full."""

    def __init__(self) -> None:
        self._slots = array("Q", bytes(8 * 1024))
        self._count = 0

    def add(self, number: int) -> bool:
        """Whether `number` is new."""
        place = self._place(number)
        if self._slots[place] == number:
            return False
        self._slots[place] = number
        self._count += 1
        if 2 * self._count > len(self._slots):
            self._grow()
        return True

    def __contains__(self, number: int) -> bool:
        return self._slots[self._place(number)] == number

    def __len__(self) -> int:
        return self._count

    def _place(self, number: int) -> int:
        """The slot that holds `number`, or the free one where it belongs."""
        slots = self._slots
        last = len(slots) - 1
        # Ids that count up, or all end alike, must not crowd the table: the high bits of a product spread them.
        place = ((number * _SPREAD & _MASK) >> 20) & last
        while slots[place] not in (_EMPTY, number):
            place = (place + 1) & last
        return place

    def _grow(self) -> None:
        numbers = self._slots
        self._slots = array("Q", bytes(16 * len(numbers)))
        for number in numbers:
            if number != _EMPTY:
                self._slots[self._place(number)] = number
