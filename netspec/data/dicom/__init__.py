"""Short-axis cine MRI from DICOM files as scanners and archives leave them: found, understood, ordered and read."""
