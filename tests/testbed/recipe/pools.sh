#!/bin/bash
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
# Makes the root file system of the servers that are pools of processes, as a
# squashfs file: it is mounted in the guest, not imported, and is no part of
# the saved state. Debian 13: in Debian 12 the parent of uvicorn does not
# start a new worker. Usage: MIRROR=... pools.sh OUT.squashfs
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/lib.sh"

packages=python3,gunicorn,uvicorn,python3-celery,python3-redis,supervisor
packages+=,php8.4-fpm,libapache2-mod-php8.4,apache2-bin
packages+=,nginx-light,libnginx-mod-http-lua,haproxy
packages+=,puma,nodejs,procps

rm -f "$1.part.tar" "$1.part"
debootstrap_to trixie "$1.part.tar" "$packages" \
  --dpkgopt='path-exclude=/usr/share/nodejs/corepack/*' \
  --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/perl/*/CORE/*' \
  --dpkgopt='path-exclude=/usr/lib/x86_64-linux-gnu/perl/*/auto/Encode/*' \
  --customize-hook='rm -rf "$1"/var/lib/apt/lists/* "$1"/var/cache/apt/* "$1"/var/cache/debconf/*-old "$1"/var/log/*.log'
sqfstar -quiet -no-progress -comp zstd "$1.part" < "$1.part.tar"
rm "$1.part.tar"
mv "$1.part" "$1"
