"""What a changed configuration changes, and what of it a running product can take over."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from opcua_ai.core.config import Config, Model, Strict, server_as_source
from opcua_ai.core.errors import ConfigError


@dataclass(frozen=True, slots=True)
class Changes:
    """From one configuration to the next."""

    config: Config
    """In force from now on: the new one, but for what ``restart`` names."""
    added: list[str] = field(default_factory=list[str])
    """Sources; so are ``removed`` and ``changed``."""
    removed: list[str] = field(default_factory=list[str])
    changed: list[str] = field(default_factory=list[str])
    rescheduled: list[str] = field(default_factory=list[str])
    """Models."""
    bound: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(model, asset) that are new, or have another source or other inputs."""
    dropped: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    """(model, asset) that are gone."""
    restart: list[str] = field(default_factory=list[str])
    """What only a restart takes over: tables and keys of the new configuration."""

    def lines(self) -> list[str]:
        """What changes at once, in words; none: nothing does."""
        found = {
            "added": [f"sources.{name}" for name in self.added],
            "removed": [f"sources.{name}" for name in self.removed]
            + [f"models.{model}.assets.{asset}" for model, asset in self.dropped],
            "changed": [f"sources.{name}" for name in self.changed]
            + [f"models.{name}.schedule" for name in self.rescheduled]
            + [f"models.{model}.assets.{asset}" for model, asset in self.bound],
        }
        return [f"{what}: {', '.join(names)}" for what, names in found.items() if names]


def changes(old: Config, new: Config) -> Changes:
    """Compare the configuration in force with a new one. Raises ConfigError when what goes on of
    the old one and what is new do not go together."""
    if mistake := server_as_source(old.server, new.sources):
        raise ConfigError(f"{mistake}, or restart the server elsewhere first")
    models = {name: _in_force(name, model, new) for name, model in old.models.items()}
    kept = {key: getattr(old, key) for key in ("server", "history", "metrics", "decisions")}
    return Changes(
        config=new.model_copy(update={**kept, "models": models}),
        added=[name for name in new.sources if name not in old.sources],
        removed=[name for name in old.sources if name not in new.sources],
        changed=[
            name
            for name, options in new.sources.items()
            if name in old.sources and options != old.sources[name]
        ],
        rescheduled=[
            name for name, model in models.items() if model.schedule != old.models[name].schedule
        ],
        bound=[
            (name, asset)
            for name, model in models.items()
            for asset, options in model.assets.items()
            if options != old.models[name].assets.get(asset)
        ],
        dropped=[
            (name, asset)
            for name, model in models.items()
            for asset in old.models[name].assets
            if asset not in model.assets
        ],
        restart=[*_restart(old, new)],
    )


def _in_force(name: str, old: Model, new: Config) -> Model:
    """A model as it goes on: one that waits for a restart stays, where its sources do."""
    model = new.models.get(name)
    if model is not None and _same_nodes(old, model):
        return model
    assets = {asset: o for asset, o in old.assets.items() if o.source in new.sources}
    return old.model_copy(update={"assets": assets})


def _same_nodes(old: Model, new: Model) -> bool:
    return (old.bundle, old.application) == (new.bundle, new.application)


def _restart(old: Config, new: Config) -> Iterator[str]:
    yield from _keys("server", old.server, new.server)
    for name in ("history", "metrics"):
        before, after = getattr(old, name), getattr(new, name)
        if before is None or after is None:
            yield from [name] if before is not after else []
        else:
            yield from _keys(name, before, after)
    for name in _names(old.models, new.models):
        before, after = old.models.get(name), new.models.get(name)
        if before is None or after is None or not _same_nodes(before, after):
            yield f"models.{name}"
    for name in _names(old.decisions, new.decisions):
        if old.decisions.get(name) != new.decisions.get(name):
            yield f"decisions.{name}"


def _keys(table: str, old: Strict, new: Strict) -> Iterator[str]:
    for key in type(old).model_fields:
        if getattr(old, key) != getattr(new, key):
            yield f"{table}.{key}"


def _names(old: Mapping[str, Any], new: Mapping[str, Any]) -> list[str]:
    return [*dict.fromkeys([*old, *new])]
