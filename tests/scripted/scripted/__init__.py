# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
