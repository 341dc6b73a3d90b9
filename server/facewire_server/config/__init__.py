"""The settings of a server: one frozen Config, made by the command line and passed down.

Rule: a setting is one field, with its default, its help and the values it accepts. Nothing
here reads flags, the environment or a file; `facewire_server.cli.options` derives them.
"""

from facewire_server.config.accepted import PRECISIONS, Mode
from facewire_server.config.batch import BatchConfig
from facewire_server.config.config import DEFAULT_MODEL, Config
from facewire_server.config.transport import TransportLimits

__all__ = ["DEFAULT_MODEL", "PRECISIONS", "BatchConfig", "Config", "Mode", "TransportLimits"]
