"""``CARD.md``: what a bundle is, how it was judged, beside what, and where it must not be used."""

from __future__ import annotations

from collections.abc import Sequence

from opcua_ai.inference.manifest import Figures, Manifest
from opcua_ai.training.config import LoadedConfig, given
from opcua_ai.training.evaluation import FAULT, FaultReport, run_cells
from opcua_ai.training.fault_task import FaultResult
from opcua_ai.training.regression import RegressionResult

_FAULT_ROWS = (
    ("far_normal", "False alarms, normal test run"),
    ("far_before_onset", "False alarms before the fault, mean of the test runs"),
    ("fdr_all", "Detected faulty rows, mean of all faults"),
    ("detection_auc", "Detection ROC AUC"),
    ("accuracy_all", "Right name on faulty rows, all faults"),
    ("macro_precision", "Macro precision"),
    ("macro_recall", "Macro recall"),
    ("macro_f1", "Macro F1"),
    ("naming_auc", "Naming ROC AUC, one against the rest"),
    ("overall_accuracy", "Normal or the right fault, all test rows"),
)


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = [list(head), ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(c) for c in row) + " |" for row in lines)


def fault_card(loaded: LoadedConfig, result: FaultResult) -> str:
    """Card of a fault bundle."""
    manifest, config = result.manifest, loaded.config
    left_out = {n: ", ".join(x) for n, x in config.evaluation.subsets.items()}
    rows = [(text, key) for key, text in _FAULT_ROWS]
    for name in config.evaluation.subsets:
        rows.append((f"Detected faulty rows, subset {name}", f"fdr_{name}"))
        rows.append((f"Right name, subset {name} (only its faults on offer)", f"accuracy_{name}"))
    results = table(
        ("figure", "this bundle", "classical baseline"),
        [(text, manifest.metrics.get(key), manifest.baseline.get(key)) for text, key in rows],
    )
    subsets = "; ".join(f"subset {n}: without {x}" for n, x in left_out.items())
    return "\n\n".join(
        [
            *_opening(loaded, manifest),
            "## Protocol",
            _fault_protocol(loaded, subsets),
            "## Results on the test runs",
            f"Baseline on the same split: {manifest.baseline.get('method')}.",
            results,
            _spread(manifest.metrics),
            "### Fault by fault",
            _per_fault(result.report, manifest),
            *_closing(loaded, manifest),
        ]
    )


def _fault_protocol(loaded: LoadedConfig, subsets: str) -> str:
    config = loaded.config
    train, test = config.of("train"), config.of("test")
    lines = [
        f"Trained on {len(train)} runs ({train[0].name} to {train[-1].name}), tested on "
        f"{len(test)} other runs ({test[0].name} to {test[-1].name}); runs are split before "
        "windows are cut.",
        f"A window of {config.rows} rows ends at each judged row. Detected means a score above 1; "
        f"the delay counts rows from the onset to the first of {config.evaluation.consecutive} "
        "consecutive alarms.",
        "The detector (canonical variate analysis) is fitted on the normal training run, its limit "
        "on blocks of that run held back from the fit: no test row, no faulty row.",
        "The classifier knows faults only and has no class for normal: detection and diagnosis "
        "are two steps. It is the mean of the networks of all seeds.",
        "Weights, scaling and limits are computed from training runs alone. How the settings were "
        "chosen is told in the remarks that follow.",
        *config.remarks,
        f"Subsets: {subsets}." if subsets else "",
    ]
    return "\n".join(f"- {line}" for line in lines if line)


def _spread(metrics: Figures) -> str:
    if "seeds" not in metrics:
        return "One seed only: no spread is known."
    parts = [
        f"{name} {metrics[f'{name}_seed_mean']} ± {metrics[f'{name}_seed_std']}"
        for name in ("accuracy_all", "macro_f1", "overall_accuracy")
    ]
    return (
        f"Single networks over {metrics['seeds']} seeds (mean ± standard deviation): "
        + "; ".join(parts)
        + ". The detector has no random part."
    )


def _per_fault(report: FaultReport, manifest: Manifest) -> str:
    spec = manifest.output(FAULT)
    rows = [(spec.describe(found.label), *cells) for found, cells in run_cells(report)]
    head = ("run", "detected", "false alarms", "delay", "named after", "precision", "recall", "F1")
    return table(head, rows) + "\n\nDelays are in rows; none = not within the run."


def regression_card(loaded: LoadedConfig, result: RegressionResult) -> str:
    """Card of a regression bundle."""
    manifest, config = result.manifest, loaded.config
    settings = given(config.regression)
    metrics, base, unit = manifest.metrics, manifest.baseline, manifest.outputs[0].unit
    slopes = [
        (
            i.name,
            i.description,
            i.unit,
            metrics[f"slope {i.name}"],
            metrics[f"slope {i.name} standard error"],
        )
        for i in manifest.inputs
    ]
    results = table(
        ("method", f"RMSE ({unit})", "R²"),
        [
            ("this bundle (linear)", metrics["rmse"], metrics["r2"]),
            *(
                (n, base[f"{n} rmse"], base[f"{n} r2"])
                for n in ("mean", "ridge", "gradient_boosting")
            ),
            (
                "this bundle, excluded kinds of runs too",
                metrics["rmse_all_test_runs"],
                metrics["r2_all_test_runs"],
            ),
        ],
    )
    excluded = ", ".join(settings.exclude) or "none"
    protocol = (
        f"- Mean of {settings.average_rows} rows in, mean target of the same rows out.\n"
        f"- Training runs left out: {excluded}; their test counterparts count in the last row "
        "only.\n"
        f"- Interval: {100 * settings.level:.0f} % of the residuals of runs left out of the fit "
        f"one by one; on the test runs it holds {metrics['interval_coverage_percent']} % "
        "(run by run: `opcua-ai evaluate`).\n"
        f"- Standard errors: bootstrap over whole runs ({settings.bootstrap} draws), because rows "
        "of a run depend on each other.\n"
        f"- Design: {metrics['design']}." + "".join(f"\n- {line}" for line in config.remarks)
    )
    caution = (
        "The slopes come from closed-loop data: controllers moved these handles in answer to "
        "disturbances. They show what goes together, not what would happen if an operator moved "
        "one handle. Treat a recommendation as a proposal for a small, supervised step."
    )
    return "\n\n".join(
        [
            *_opening(loaded, manifest),
            "## Protocol",
            protocol,
            "## Results on the test runs",
            results,
            f"### Slopes ({unit} per unit of the tag)",
            table(("tag", "meaning", "unit", "slope", "standard error"), slopes),
            "### Association, not proof",
            caution,
            *_closing(loaded, manifest),
        ]
    )


def _opening(loaded: LoadedConfig, manifest: Manifest) -> list[str]:
    config = loaded.config
    title = config.title or manifest.name
    return [
        f"# {title}",
        f"Bundle `{manifest.name}` {manifest.version}, kind `{manifest.kind}`.",
        config.description.strip(),
        f"Needs {len(manifest.inputs)} tags, {manifest.rows} rows of {manifest.period_s:g} plant "
        f"seconds. Below {manifest.min_coverage:g} % Good cells the prediction is Bad, with any "
        "cell that is not Good or out of range it is Uncertain.",
        "## Data",
        f"`{manifest.training.data_file}`, sha256 `{manifest.training.data_sha256}`, "
        f"{manifest.training.rows} rows in the training runs.",
    ]


def _closing(loaded: LoadedConfig, manifest: Manifest) -> list[str]:
    libraries = ", ".join(f"{n} {v}" for n, v in manifest.training.libraries.items())
    return [
        "## Limits of use",
        "\n".join(f"- {line}" for line in loaded.config.limits_of_use) or "- none stated",
        "## Made with",
        f"{libraries}; seed {manifest.training.seed}; {manifest.training.date}. The configuration "
        "`train.toml` lies beside this card; `opcua-ai evaluate` makes the figures again.",
        "",
    ]
