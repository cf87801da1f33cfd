# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The test bed: a real Docker host in a virtual machine, restored in seconds for each run."""
