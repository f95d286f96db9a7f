"""A torch module as a sketch of netspec's ops: its graph by `torch.export`, read operator by operator."""
