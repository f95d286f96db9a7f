"""Functions that compiled models call where PyTorch has no single one. They are copied into the written file.

Each stands alone: it uses `torch`, `F` and its arguments, and no other function of this module unless it is listed
beside it in `Lowered.support`.
"""

from __future__ import annotations

import torch
