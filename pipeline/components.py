"""Which records are one customer: a partition by edges, strongest first, that never joins a vetoed pair. Pure.

Union-find over integer ids. A component knows the faces in it (usually one), so that a union costs a look-up or two; chains of
100,000 records stay linear. Links bind without asking, decisions come before everything, a refused union is reported.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.likeness import Likeness
from pipeline.vetoes import Level, Verdict, is_vetoed

MOST_FACES = 200
"""One customer is not written in more ways than this: bounds the cost of a union, far above anything real."""

Edge = tuple[int, int, int]
"""(left, right, agreeing keys as bits)"""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What is known of the records 0…n-1. Key values are numbers, -1 where a record has none that identifies."""

    name: Sequence[int]
    """Number of the distinct face; 0 says nothing."""
    vat: Sequence[int]
    """Every valid VAT number, shared or not: two different ones are a veto."""
    keys: Sequence[Sequence[int]]
    """Per bit of KEY_BITS (mobile, email, vat): the value each record shares with others, or -1."""
    compare: Callable[[int, int], Verdict]
    """How two distinct faces compare."""
    kin: Mapping[int, int] = field(default_factory=dict)
    """Faces that differ at most in what is no veto (the family name) have one number here; they are not compared again and again."""
    linked: Sequence[Sequence[int]] = ()
    """Groups that links from before hold together."""
    merge: Sequence[tuple[int, int]] = ()
    apart: Sequence[tuple[int, int]] = ()
    alone: frozenset[int] = frozenset()
    """Taken out of their customer for good: no key joins them to anybody."""


@dataclass(frozen=True, slots=True)
class Refusal:
    """A union that was not made, and why: the reason of a veto, `vat_number`, `apart` or `alone`."""

    edge: Edge
    reason: str


@dataclass(slots=True)
class Partition:
    """The components as they grow."""

    evidence: Evidence
    parent: array[int]
    following: array[int]
    size: array[int]
    names: dict[int, set[int]] = field(default_factory=dict)
    vats: dict[int, set[int]] = field(default_factory=dict)
    apart: dict[int, set[int]] = field(default_factory=dict)
    alone: set[int] = field(default_factory=set)
    refused: list[Refusal] = field(default_factory=list)

    def find(self, record: int) -> int:
        """The number that stands for a record's component."""
        parent = self.parent
        while parent[record] != record:
            parent[record] = parent[parent[record]]
            record = parent[record]
        return record

    def members(self, record: int) -> Iterator[int]:
        """Every record of a record's component."""
        yield record
        other = self.following[record]
        while other != record:
            yield other
            other = self.following[other]

    def names_of(self, root: int) -> set[int]:
        """The distinct faces in a component."""
        known = self.names.get(root)
        return {self.evidence.name[root]} - {0} if known is None else known

    def vats_of(self, root: int) -> set[int]:
        """The valid VAT numbers in a component."""
        known = self.vats.get(root)
        return {self.evidence.vat[root]} - {-1} if known is None else known

    def unite(self, left: int, right: int) -> int:
        """Join two components without asking; the new root."""
        if self.size[left] < self.size[right]:
            left, right = right, left
        self._gather(left, right, self.evidence.name, 0, self.names)
        self._gather(left, right, self.evidence.vat, -1, self.vats)
        if right in self.apart:
            self.apart.setdefault(left, set()).update(self.apart.pop(right))
        if right in self.alone:
            self.alone.add(left)
        self.parent[right] = left
        self.size[left] += self.size[right]
        self.following[left], self.following[right] = self.following[right], self.following[left]
        return left

    def _gather(self, left: int, right: int, own: Sequence[int], nothing: int, table: dict[int, set[int]]) -> None:
        """What `right` has goes to `left`. One face is the rule: only a component of several keeps a set."""
        if right not in table and own[right] in (nothing, own[left]):
            return
        big, small = table.get(left, {own[left]} - {nothing}), table.pop(right, {own[right]} - {nothing})
        if not small <= big:
            big |= small
            table[left] = big

    def are_apart(self, left: int, right: int) -> bool:
        """Whether a decision keeps two components apart."""
        fewer, other = (
            (left, right) if len(self.apart.get(left, ())) <= len(self.apart.get(right, ())) else (right, left)
        )
        return any(self.find(partner) == other for partner in self.apart.get(fewer, ()))


def partition(evidence: Evidence, edges: Iterable[Edge]) -> Partition:
    """The components, given edges strongest first. The result depends on nothing but the arguments."""
    count = len(evidence.name)
    made = Partition(evidence, array("l", range(count)), array("l", range(count)), array("l", [1]) * count)
    for left, right in evidence.apart:
        made.apart.setdefault(left, set()).add(right)
        made.apart.setdefault(right, set()).add(left)
    within: dict[int, int] = {}
    for number, group in enumerate(evidence.linked):
        if _is_torn(group, evidence):
            within.update((record, number) for record in group)
        else:
            for record in group[1:]:
                made.unite(made.find(group[0]), made.find(record))
    made.alone |= {made.find(record) for record in evidence.alone}
    for left, right in evidence.merge:
        _decide(made, left, right)
    edges = list(edges) if within else edges
    if within:
        _mend(made, evidence.linked, within, edges)
    for edge in edges:
        left, right = made.find(edge[0]), made.find(edge[1])
        if left != right:
            reason = _objection(made, left, right)
            if reason:
                made.refused.append(Refusal(edge, reason))
            else:
                made.unite(left, right)
    return made


def _is_torn(group: Sequence[int], evidence: Evidence) -> bool:
    """Whether a decision takes a linked group apart."""
    members = set(group)
    return any(left in members and right in members for left, right in evidence.apart)


def _decide(made: Partition, left: int, right: int) -> None:
    one, other = made.find(left), made.find(right)
    if one == other:
        return
    if made.are_apart(one, other):
        made.refused.append(Refusal((left, right, 0), "apart"))
    else:
        made.unite(one, other)


def _mend(made: Partition, groups: Sequence[Sequence[int]], within: dict[int, int], edges: Iterable[Edge]) -> None:
    """Put a torn group together again as far as the decision allows: along its own keys first, then everybody else to the larger part."""
    for left, right, _ in edges:
        if left in within and within[left] == within.get(right):
            one, other = made.find(left), made.find(right)
            if one != other and not _objection(made, one, other):
                made.unite(one, other)
    for number in sorted(set(within.values())):
        parts = sorted(
            {made.find(record) for record in groups[number]},
            key=lambda root: (-made.size[root], min(made.members(root))),
        )
        for at, part in enumerate(parts):
            for larger in parts[:at]:
                one, other = made.find(larger), made.find(part)
                if one != other and not made.are_apart(one, other):
                    made.unite(one, other)
                    break


def _objection(made: Partition, left: int, right: int) -> str:
    """Why two components may not be joined by a key; empty: they may."""
    if left in made.alone or right in made.alone:
        return "alone"
    if made.apart and made.are_apart(left, right):
        return "apart"
    if left not in made.names and right not in made.names and left not in made.vats and right not in made.vats:
        known = made.evidence  # by far the most unions: one face, one VAT number or none
        if known.name[left] == known.name[right] and known.vat[left] == known.vat[right]:
            return ""
    one, other = made.vats_of(left), made.vats_of(right)
    if one and other and (len(one) > 1 or len(other) > 1 or one != other):
        return "vat_number"
    mine, theirs = made.names_of(left), made.names_of(right)
    if not mine or not theirs or (len(mine) == 1 and mine == theirs):
        return ""
    if len(mine) + len(theirs) > MOST_FACES and len(mine | theirs) > MOST_FACES:
        return "faces"
    compare, kin = made.evidence.compare, made.evidence.kin
    for name in mine:
        for second in theirs:
            if name != second and kin.get(name, name) != kin.get(second, second):
                verdict = compare(name, second)
                if verdict.level is Level.NEVER or (
                    verdict.level is Level.KEYS and _depends(made, left, right, name, second, verdict)
                ):
                    return verdict.reason
    return ""


def _depends(made: Partition, left: int, right: int, name: int, second: int, verdict: Verdict) -> bool:
    """Whether any pair of records with these two faces is vetoed, given the keys they share."""
    evidence = made.evidence
    if verdict.reason == "spelling":
        return not _is_one_name(made, left, right, name, second)
    if verdict.reason == "company" and not made.vats_of(left) & made.vats_of(right):
        return False
    ours = [record for record in made.members(left) if evidence.name[record] == name]
    theirs = [record for record in made.members(right) if evidence.name[record] == second]
    return any(
        is_vetoed(verdict, agreeing(evidence, one, other), evidence.vat[one] == evidence.vat[other] != -1)
        for one in ours
        for other in theirs
    )


def _is_one_name(made: Partition, left: int, right: int, name: int, second: int) -> bool:
    """Whether a different spelling is outweighed: by two agreeing keys, or because the other component has that very name too."""
    compare = made.evidence.compare
    for root, theirs in ((left, second), (right, name)):
        if any(face == theirs or compare(face, theirs).likeness is Likeness.AGREE for face in made.names_of(root)):
            return True
    if made.size[left] * made.size[right] > 1000:
        return False
    pairs = ((one, other) for one in made.members(left) for other in made.members(right))
    return any(agreeing(made.evidence, one, other).bit_count() > 1 for one, other in pairs)


def agreeing(evidence: Evidence, left: int, right: int) -> int:
    """The keys that two records share, as bits."""
    return sum(1 << bit for bit, values in enumerate(evidence.keys) if values[left] == values[right] != -1)
