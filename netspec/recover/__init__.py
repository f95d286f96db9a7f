"""Networks of others as specs: what a source does is drawn as steps of netspec's ops, and the steps are written down.

A source (`netspec_onnx` for ONNX files, `netspec_torch.recover` for modules) makes a `Sketch`; the rooms beside it
write that as text, lay its weights out under the text's own keys, and hold both to the source before any file is made.
"""
