"""The configuration with which the demo serves the simulated Tennessee Eastman plant."""

_TEXT = """\
# Written by 'opcua-ai demo'. Policy None and anonymous users are open because both
# servers listen on this machine only.
[sources.plant]
kind = "opcua"
endpoint = "{plant}"
simulated = true
browse_root = "TennesseeEastman"
include = ["*XMEAS(*", "*XMV(*"]
sampling_interval_ms = 50
publishing_interval_ms = 100

[models.faults]
bundle = "tep_faults"
application = "FaultPrediction"
schedule.interval_s = {interval}
[models.faults.assets.{asset}]
source = "plant"

[models.cost]
bundle = "tep_cost"
application = "ProductionOptimisation"
schedule.interval_s = {interval}
[models.cost.assets.{asset}]
source = "plant"

[decisions.fault_alarm]
policy = "faults"
model = "faults"

[decisions.setpoint]
policy = "setpoint"
model = "cost"
tag = "XMV(6)"
direction = "minimise"
low = 20.0
high = 60.0
max_step = 2.0

[server]
endpoint = "{server}"
allow_none = true
allow_anonymous = true
anonymous_role = "Operator"
"""


def configuration(
    plant: str, server: str, interval_s: float, asset: str = "TennesseeEastman"
) -> str:
    """TOML text: both shipped bundles, every ``interval_s`` seconds, on one asset."""
    return _TEXT.format(plant=plant, server=server, interval=interval_s, asset=asset)
