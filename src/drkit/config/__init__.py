"""Configuration: its tables, and how they are loaded."""

from drkit.config.load import System as System
from drkit.config.load import load_system as load_system
from drkit.config.load import load_systems as load_systems
