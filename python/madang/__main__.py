"""`python -m madang`: the command without an installed script."""

import sys

from madang.cli import main

sys.exit(main())
