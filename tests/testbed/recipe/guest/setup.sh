# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
# Runs inside the guest's root file system while it is made.
set -eu
echo testbed > /etc/hostname
printf '127.0.0.1 localhost testbed\n' > /etc/hosts
# No name server: a test that reaches for a registry fails at once, not after a minute of timeouts.
printf 'nameserver 127.0.0.1\noptions timeout:1 attempts:1\n' > /etc/resolv.conf
printf '/dev/vda / ext4 defaults,noatime,discard 0 1\n' > /etc/fstab
chmod 700 /root/.ssh
chmod 600 /root/.ssh/authorized_keys
# The public key was made on the host by whoever runs the tests.
chown -R root:root /root/.ssh /etc/docker /etc/systemd/network /etc/ssh/sshd_config.d

# The root disk's drivers are needed early, nothing else: a small initrd unpacks quickly.
printf 'virtio_pci\nvirtio_blk\next4\n' >> /etc/initramfs-tools/modules
printf 'overlay\nbr_netfilter\nveth\nbridge\nxt_MASQUERADE\nxt_conntrack\nxt_addrtype\nnf_nat\n' > /etc/modules-load.d/testbed.conf
update-initramfs -u

systemctl enable systemd-networkd.service docker.service containerd.service ssh.service
systemctl mask systemd-networkd-wait-online.service systemd-resolved.service apt-daily.timer \
  apt-daily-upgrade.timer dpkg-db-backup.timer e2scrub_all.timer e2scrub_reap.service fstrim.timer \
  systemd-tmpfiles-clean.timer getty@tty1.service systemd-timesyncd.service 2>/dev/null
systemctl disable prometheus.service prometheus-alertmanager.service
# Debian's kernel has AppArmor on. Docker and systemd confine processes only where they find this program.
dpkg-divert --quiet --local --rename --divert /usr/sbin/apparmor_parser.off --add /usr/sbin/apparmor_parser
systemctl mask apparmor.service
systemctl set-default multi-user.target
