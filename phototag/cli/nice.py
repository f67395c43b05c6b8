"""Nothing in, this process and those it starts at the lowest priority out."""

import os
import sys

_LOWEST = 19
_BELOW_NORMAL = 0x4000  # BELOW_NORMAL_PRIORITY_CLASS of the Windows API


def be_nice() -> None:
    """Let every other program go first; its share of the disk follows on most systems."""
    if sys.platform == "win32":
        import ctypes

        kernel = ctypes.windll.kernel32
        kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL)
    else:
        os.nice(_LOWEST)
