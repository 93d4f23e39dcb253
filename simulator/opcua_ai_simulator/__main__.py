"""``python -m opcua_ai_simulator`` is the console script ``opcua-ai-simulator``."""

import sys

from opcua_ai_simulator.cli import main

if __name__ == "__main__":
    sys.exit(main())
