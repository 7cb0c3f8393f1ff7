# SPDX-License-Identifier: BSD-3-Clause
"""What no test reaches and why: the tables of uncovered.toml.

Lines are named by their text and signals by patterns, so that they stay named when lines move.
"""
import fnmatch
import re

RANGE = re.compile(r"(.*?)\[(?:(\d+):)?(\d+)\]$")


class Signals:
    """Signals of some modules: `name`, `name[bit]` or `name[high:low]`, where stars of the name stand for anything."""

    def __init__(self, modules, pattern, reason):
        self.modules, self.pattern, self.reason = modules, pattern, reason
        match = RANGE.fullmatch(pattern)
        self.name = match[1] if match else pattern
        self.low = int(match[3]) if match else None
        self.high = int(match[2] or match[3]) if match else None
        self.used = False

    def covers(self, toggle):
        module = toggle.file.rpartition(".")[0]
        return (any(fnmatch.fnmatchcase(module, wanted) for wanted in self.modules)
                and fnmatch.fnmatchcase(toggle.signal, self.name)
                and (self.low is None or self.low <= toggle.bit <= self.high))


class Named:
    def __init__(self, tables):
        self.lines = {(file, text): False for file, lines in tables.get("lines", {}).items() for text in lines}
        self.signals = [Signals(entry["modules"], pattern, entry["reason"])
                        for entry in tables.get("toggles", []) for pattern in entry["signals"]]
        self.limits = tables.get("limits", {})

    def limit(self, module, default):
        """Percent of a module's bits that have to toggle or to be named."""
        return self.limits.get(module, default)

    def line(self, file, text):
        if (file, text) not in self.lines:
            return False
        self.lines[file, text] = True
        return True

    def toggle(self, toggle):
        # All that fit are marked: one that only says again what another one says is no error.
        fitting = [signals for signals in self.signals if signals.covers(toggle)]
        for signals in fitting:
            signals.used = True
        return bool(fitting)

    def unused(self):
        """What is named, but reached or gone."""
        return ([f"{file}: {text}" for (file, text), used in self.lines.items() if not used]
                + [f"{', '.join(signals.modules)}: {signals.pattern}" for signals in self.signals if not signals.used])
