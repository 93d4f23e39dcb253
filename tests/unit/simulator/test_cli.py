"""The command line, as far as it needs no server."""

import subprocess
import sys
import time

import pytest

from opcua_ai_simulator import plants
from opcua_ai_simulator.cli import main


def fails(capsys, *arguments):
    """The single error line of a wrong call."""
    try:
        code = main(arguments)
    except SystemExit as end:  # argparse
        code = end.code
    shown = capsys.readouterr()
    assert code == 2
    assert shown.out == ""
    assert shown.err.startswith("opcua-ai-simulator: error: ")
    assert shown.err.count("\n") == 1
    return shown.err


def test_help_is_instant_and_imports_nothing_heavy():
    code = (
        "import sys; from opcua_ai_simulator.cli import main\n"
        "try: main(['--help'])\n"
        "except SystemExit: pass\n"
        "heavy = {'asyncua', 'numpy', 'pyarrow', 'asyncio'} & set(sys.modules)\n"
        "sys.exit(f'imported {heavy}' if heavy else 0)"
    )
    taken = []
    for _ in range(3):
        start = time.perf_counter()
        subprocess.run([sys.executable, "-c", code], check=True, capture_output=True)
        taken.append(time.perf_counter() - start)
    assert min(taken) < 0.3


def test_lists_the_plants(capsys):
    assert main(["list"]) == 0
    assert "recording " in capsys.readouterr().out


def test_every_option_of_the_plant_is_a_flag(capsys):
    with pytest.raises(SystemExit) as end:
        main(["run", "recording", "--help"])
    assert end.value.code == 0
    shown = capsys.readouterr().out
    for flag in ("--fault N", "--recording NAME", "--start-row ROW", "--file PATH"):
        assert flag in shown
    for flag in ("--speed", "--paused", "--plant-start", "--quality", "--drop-every", "--seed"):
        assert flag in shown


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("", "required: COMMAND (see opcua-ai-simulator --help)"),
        ("run", "required: PLANT (see opcua-ai-simulator run --help)"),
        ("run fridge", "'fridge' (choose from"),
        ("run recording --colour red", "unknown option --colour: see opcua-ai-simulator run"),
        ("run recording --speed fast", "--speed: invalid float value: 'fast'"),
        ("run recording --speed 0", "speed 0 is out of range: choose 1 to 2000"),
        ("run recording --port 65536", "'65536' is no port: choose 0 to 65535"),
        ("run recording --fault 22", "fault 22 is not known: choose 0 to 21"),
        ("run recording --start-row 960", "row 960 does not exist: choose 0 to 959"),
        ("run recording --plant-start soon", "write it like 2024-05-01T12:00:00"),
        ("run recording --plant-start 1066-10-14", "not within 1970 to 9000"),
        ("run recording --file gone.csv", "gone.csv: no such file"),
        ("run recording --seed -1", "'-1' is no seed"),
        ("run recording --quality XMEAS(1)", "write it as TAG=CODE[:SECONDS]"),
        ("run recording --quality XMEAS(1)=Rotten", "no status code is called 'Rotten'"),
        ("run recording --freeze XMEAS(42)", "no tag is called 'XMEAS(42)'"),
        ("run recording --freeze XMEAS(1):long", "--freeze: 'long' is no number"),
        ("run recording --spikes XMEAS(1)=0.5", "write it as TAG=PROBABILITY,PERCENT"),
        ("run recording --spikes XMEAS(1)=2,5", "probability 2 is out of range"),
        ("run recording --jitter -1", "jitter -1 s is out of range"),
        ("run recording --drop -1", "--drop needs 0 s or more"),
    ],
)
def test_a_wrong_call_is_one_line_that_says_what_to_do(capsys, arguments, words):
    assert words in fails(capsys, *arguments.split())


def test_a_new_file_is_a_new_plant(tmp_path, monkeypatch, capsys):
    source = (
        "from dataclasses import dataclass\n"
        "from opcua_ai_simulator.plant import PlantType, option\n"
        "@dataclass\n"
        "class Options:\n"
        "    warm: bool = option(False, 'start warm')\n"
        "    litres: float = option(5.0, 'size', 'L')\n"
        "PLANT = PlantType('warms water', Options, lambda options, notice: None)\n"
    )
    (tmp_path / "water_bath.py").write_text(source)
    monkeypatch.setattr(plants, "__path__", [*plants.__path__, str(tmp_path)])
    assert main(["list"]) == 0
    assert "water-bath               warms water" in capsys.readouterr().out
    with pytest.raises(SystemExit):
        main(["run", "water-bath", "--help"])
    shown = capsys.readouterr().out
    assert "--warm" in shown and "--litres L" in shown
    sys.modules.pop("opcua_ai_simulator.plants.water_bath")
