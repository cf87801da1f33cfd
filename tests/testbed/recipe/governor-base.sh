#!/bin/bash
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
# Makes the base of the governor's own image: Debian 12 with the shared
# libraries that a binary built on Debian 12 needs. Usage: MIRROR=... governor-base.sh OUT.tar
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/lib.sh"

packages=ca-certificates,libstdc++6,libyaml-cpp0.7,libspdlog1.10,libfmt9,libcgroup2,libsdbus-c++1,libsystemd0
packages+=,libsqlite3-0,libcurl4
debootstrap_to bookworm "$1.part.tar" "$packages" \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/cache/debconf/*-old "$1"/var/log/*.log'
mv "$1.part.tar" "$1"
