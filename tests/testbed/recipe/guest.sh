#!/bin/bash
# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
# Makes the guest: a Debian with systemd and Docker, as DIR/rootfs.qcow2,
# DIR/vmlinuz and DIR/initrd.img. RELEASE is the code name of a Debian release.
# Usage: MIRROR=... guest.sh DIR SSH_PUBLIC_KEY RELEASE
here=$(cd "$(dirname "$0")" && pwd)
# shellcheck source=/dev/null
. "$here/lib.sh"
out=$1 key=$2 release=$3
root=$out/rootfs

packages=systemd,systemd-sysv,dbus,udev,linux-image-cloud-amd64,initramfs-tools
packages+=,docker.io,docker-cli,docker-compose,iptables
packages+=,openssh-server,iproute2,procps,psmisc,curl,jq,strace,ca-certificates,python3,zstd,kmod
# What the governor's metrics, hooks and events are read with. Scenarios start them; by themselves they do not run.
packages+=,prometheus,prometheus-alertmanager,python3-docker
# setup.sh switches AppArmor off; the scenarios about it switch it on (testbed/hosts.py).
packages+=,apparmor

options=()
# A release that is not released yet has package lists that are valid for a week. A mirror may keep them for longer. The signature is
# checked in any case.
[ "$release" = trixie ] || options+=(--aptopt='Acquire::Check-Valid-Until "false"')

debootstrap_to "$release" "$root" "$packages" "${options[@]}" \
  --customize-hook="copy-in $here/guest/etc /" \
  --customize-hook='mkdir -p "$1/root/.ssh"' \
  --customize-hook="upload $key /root/.ssh/authorized_keys" \
  --customize-hook="chroot \"\$1\" sh < $here/guest/setup.sh"

cp "$root"/boot/vmlinuz-* "$out/vmlinuz"
cp "$root"/boot/initrd.img-* "$out/initrd.img"
rm -rf "${root:?}"/boot/* "$root"/var/lib/apt/lists/* "$root"/var/cache/apt/*

mke2fs -q -t ext4 -E lazy_itable_init=0 -L rootfs -d "$root" "$out/rootfs.raw" 12G
qemu-img convert -f raw -O qcow2 "$out/rootfs.raw" "$out/rootfs.qcow2"
rm -rf "$out/rootfs.raw" "$root"
