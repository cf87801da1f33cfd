# shellcheck shell=bash
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
# Shared by the recipe scripts: how a small Debian root file system is made.
# Sourced, not run. MIRROR (a Debian mirror) comes from the caller.
set -euo pipefail
: "${MIRROR:?the Debian mirror to use}"

# Documentation and translations are half of a minbase system, and every byte
# is unpacked again under emulation by `docker import`.
slim=(
  --dpkgopt='path-exclude=/usr/share/doc/*'
  --dpkgopt='path-exclude=/usr/share/man/*'
  --dpkgopt='path-exclude=/usr/share/info/*'
  --dpkgopt='path-exclude=/usr/share/locale/*'
  --dpkgopt='path-exclude=/usr/share/lintian/*'
  --dpkgopt='force-unsafe-io'
  --aptopt='Acquire::Languages "none"'
  --aptopt='Acquire::Retries "3"'
  --aptopt='APT::Install-Recommends "false"'
)

# debootstrap_to SUITE TARGET PACKAGES [mmdebstrap options...]
debootstrap_to() {
  local suite=$1 target=$2 packages=$3
  shift 3
  # Written to another name first: an interrupted run leaves no half archive.
  mmdebstrap --quiet --variant=minbase --components=main --include="$packages" \
    "${slim[@]}" "$@" "$suite" "$target" "$MIRROR"
}
