"""The test bed: a real Docker host in a virtual machine, restored in seconds for each run."""
