"""A phantom with exactly known volumes: beating hearts as real DICOM files, for tests and for a demonstration.

The population resembles the public labels of the 2015/16 Data Science Bowl, the files its layout; every volume and
every area is known in closed form. It stands in for patients where none may be shipped, and proves nothing about them.
"""

from netspec.data.phantom.acquisition import SIZES
from netspec.data.phantom.collection import generate
from netspec.data.phantom.defects import DEFECTS
from netspec.data.phantom.truth import DefectTruth, PatientTruth, Settings, SliceTruth, Truth

__all__ = [
    "DEFECTS",
    "SIZES",
    "DefectTruth",
    "PatientTruth",
    "Settings",
    "SliceTruth",
    "Truth",
    "generate",
]
