"""Floor 4: samples as arrays, read from DICOM, from array files or from scikit-learn, as the recipe describes them."""
