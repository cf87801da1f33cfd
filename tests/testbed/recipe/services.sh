#!/bin/bash
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
# Makes the root file system that the stand-in services share (Python workers,
# PostgreSQL, Redis, nginx): one import under emulation instead of three.
# Usage: MIRROR=... services.sh OUT.tar
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/lib.sh"

# LLVM is only PostgreSQL's JIT compiler, and larger than everything else together.
debootstrap_to bookworm "$1.part.tar" python3,postgresql-15,redis-server,redis-tools,nginx-light,procps,curl \
  --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/libLLVM*' \
  --dpkgopt='path-exclude=/usr/lib/llvm*' \
  --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/libz3*' \
  --dpkgopt='path-exclude=/usr/lib/postgresql/15/lib/bitcode/*' \
  --essential-hook='mkdir -p "$1/etc/postgresql-common"; echo "create_main_cluster = false" > "$1/etc/postgresql-common/createcluster.conf"' \
  --customize-hook="copy-in $here/services/usr /" \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/cache/debconf/*-old "$1"/var/log/*.log'
mv "$1.part.tar" "$1"
