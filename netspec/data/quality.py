"""The record that accounts for every file found and every decision about it, by counts and reasons, never by names."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass
class QualityRecord:
    """What became of everything that was found.

    `found` counts files; each of them is either in `used` or in `skipped` under its reason, so that
    `found == used + sum(skipped.values())` always holds. `bad` counts the skipped ones that are faults (a broken or
    foreign file), as against files that are simply not asked for (another view). `decisions` counts what was decided
    about slices and frames, `patients` the same by patient. The record knows patients' identifiers while it lives in
    memory; what leaves it (`as_json`) has pseudonyms.
    """

    found: int = 0
    used: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    bad: int = 0
    decisions: Counter[str] = field(default_factory=Counter)
    patients: dict[str, Counter[str]] = field(default_factory=dict)
    samples: int = 0
    groups: int = 0

    def decide(self, patient: str, what: str, count: int = 1) -> None:
        """Note a decision about something of a patient."""
        self.decisions[what] += count
        self.patients.setdefault(patient, Counter())[what] += count

    @property
    def accounted(self) -> bool:
        """Whether every file found is either used or skipped for a reason."""
        return self.found == self.used + sum(self.skipped.values())

    def summary(self) -> str:
        """One line for the terminal."""
        parts = [f"{self.used} of {self.found} files used"]
        parts += [f"{count} {reason}" for reason, count in sorted(self.skipped.items())]
        parts += [f"{count} {what}" for what, count in sorted(self.decisions.items())]
        return "; ".join(parts)

    def as_json(self, salt: str) -> dict[str, object]:
        """Plain data for a run folder: counts and reasons; patients under pseudonyms that hold for this `salt`."""
        return {
            "files": {"found": self.found, "used": self.used, "bad": self.bad},
            "skipped": dict(sorted(self.skipped.items())),
            "decisions": dict(sorted(self.decisions.items())),
            "samples": self.samples,
            "patients": self.groups,
            "by_patient": {
                pseudonym(patient, salt): dict(sorted(what.items()))
                for patient, what in sorted(self.patients.items(), key=lambda item: pseudonym(item[0], salt))
            },
        }

    def as_notes(self, ids: Sequence[str]) -> dict[str, Any]:
        """Plain data for the cache: as `as_json`, with patients by their place in `ids`."""
        return {
            "found": self.found,
            "used": self.used,
            "bad": self.bad,
            "skipped": dict(self.skipped),
            "decisions": dict(self.decisions),
            "samples": self.samples,
            "groups": self.groups,
            "patients": {
                str(i): dict(self.patients[one]) for i, one in enumerate(ids) if one in self.patients
            },
        }

    @classmethod
    def from_notes(cls, notes: Mapping[str, Any], ids: Sequence[str]) -> QualityRecord:
        """The opposite of `as_notes`."""
        return cls(
            found=int(notes["found"]),
            used=int(notes["used"]),
            skipped=_counter(notes["skipped"]),
            bad=int(notes["bad"]),
            decisions=_counter(notes["decisions"]),
            patients={ids[int(i)]: _counter(what) for i, what in notes["patients"].items()},
            samples=int(notes["samples"]),
            groups=int(notes["groups"]),
        )


def _counter(told: Mapping[str, Any]) -> Counter[str]:
    return Counter({str(what): int(count) for what, count in told.items()})


def pseudonym(patient: str, salt: str) -> str:
    """Twelve letters that stand for a patient where `salt` is known only to the run."""
    return hashlib.sha256(f"{salt}\0{patient}".encode()).hexdigest()[:12]
