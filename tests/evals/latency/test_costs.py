"""Costs: energy as the machine counts it, money as it is priced."""

import json
from pathlib import Path

import pytest

from evals.latency.costs import EnergyMeter, Prices
from kstore.errors import InputError


def package(folder: Path, name: str, microjoules: int, largest: int = 1_000_000) -> Path:
    (folder / name).mkdir(exist_ok=True)
    (folder / name / "energy_uj").write_text(f"{microjoules}\n")
    (folder / name / "max_energy_range_uj").write_text(f"{largest}\n")
    return folder / name


def test_the_packages_are_summed_and_their_parts_are_not_counted_twice(tmp_path: Path) -> None:
    for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"):
        package(tmp_path, name, 100_000)
    meter = EnergyMeter(tmp_path)
    for name in ("intel-rapl:0", "intel-rapl:1", "intel-rapl:0:0"):
        package(tmp_path, name, 350_000)
    assert meter.joules() == pytest.approx(0.5)


def test_a_counter_that_begins_anew_loses_nothing(tmp_path: Path) -> None:
    package(tmp_path, "intel-rapl:0", 900_000)
    meter = EnergyMeter(tmp_path)
    package(tmp_path, "intel-rapl:0", 50_000)
    assert meter.joules() == pytest.approx(0.15)


def test_a_machine_that_tells_nothing_has_no_figure(tmp_path: Path) -> None:
    assert EnergyMeter(tmp_path).joules() is None
    assert EnergyMeter(tmp_path / "nowhere").joules() is None


def test_money_by_hand() -> None:
    prices = Prices(currency="EUR", per_processor_hour=0.36, per_kwh=0.30, per_million_tokens=2.0)
    assert prices.of(cpu_ms=1_000.0, joules=36.0, tokens=50.0) == pytest.approx(0.0001 + 0.000003 + 0.0001)
    assert prices.of(cpu_ms=1_000.0, joules=None, tokens=None) == pytest.approx(0.0001)


@pytest.mark.parametrize(
    ("prices", "reason"),
    [
        ('{"per_kwh": 1}', "currency: Field required"),
        ('{"currency": "EUR", "per_kwh": -1}', "per_kwh: .*greater than or equal to 0"),
        ('{"currency": "EUR", "per_kw": 1}', "per_kw: Extra"),
        ("nonsense", "Expecting value"),
    ],
)
def test_prices_that_are_malformed_are_told(tmp_path: Path, prices: str, reason: str) -> None:
    file = tmp_path / "prices.json"
    file.write_text(prices, encoding="utf-8")
    with pytest.raises(InputError, match=reason):
        Prices.read(file)


def test_prices_are_read(tmp_path: Path) -> None:
    file = tmp_path / "prices.json"
    file.write_text(json.dumps({"currency": "EUR", "per_kwh": 0.3}), encoding="utf-8")
    assert Prices.read(file) == Prices(currency="EUR", per_kwh=0.3)
