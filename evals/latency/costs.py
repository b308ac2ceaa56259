"""What answers cost: energy where the machine tells it, money where prices are given."""

import json
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from kstore.errors import InputError

POWERCAP = Path("/sys/class/powercap")


class EnergyMeter:
    """The energy that the processors' packages use from its making on, by RAPL (Intel SDM volume 3, chapter 15)."""

    def __init__(self, folder: Path = POWERCAP) -> None:
        self._packages = [it for it in sorted(folder.glob("intel-rapl:*")) if it.name.count(":") == 1]
        self._start = self._read()

    def joules(self) -> float | None:
        """Since the meter was made; None where the machine does not tell. The counter may begin anew once meanwhile."""
        now = self._read()
        if self._start is None or now is None:
            return None
        used = 0.0
        for package, before, after in zip(self._packages, self._start, now, strict=True):
            used += after - before if after >= before else after - before + self._range(package)
        return used / 1e6

    def _read(self) -> list[int] | None:
        try:
            found = [int((it / "energy_uj").read_text(encoding="ascii")) for it in self._packages]
        except (OSError, ValueError):  # the counters are often the administrator's alone to read
            return None
        return found or None

    def _range(self, package: Path) -> int:
        return int((package / "max_energy_range_uj").read_text(encoding="ascii"))


class Prices(BaseModel):
    """What is paid, in one currency. All that is not paid for is 0."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    currency: str
    per_processor_hour: float = Field(default=0.0, ge=0)
    per_kwh: float = Field(default=0.0, ge=0)
    per_million_tokens: float = Field(default=0.0, ge=0)

    @classmethod
    def read(cls, file: Path) -> "Prices":
        """From a JSON file; InputError, naming it, where it is malformed."""
        try:
            return cls.model_validate(json.loads(file.read_text(encoding="utf-8")))
        except (OSError, ValueError) as error:
            reason = error.errors()[0] if isinstance(error, ValidationError) else None
            told = f"{'.'.join(map(str, reason['loc']))}: {reason['msg']}" if reason else str(error)
            raise InputError(f"cannot read prices from {file}: {told}") from error

    def of(self, cpu_ms: float, joules: float | None, tokens: float | None) -> float:
        """The price of an answer."""
        energy = (joules or 0.0) / 3.6e6 * self.per_kwh
        return cpu_ms / 3.6e6 * self.per_processor_hour + energy + (tokens or 0.0) / 1e6 * self.per_million_tokens
