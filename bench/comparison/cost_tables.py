# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""What the daemons cost, and what the hot functions cost, as Markdown tables."""

from __future__ import annotations
