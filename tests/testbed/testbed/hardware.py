# SPDX-FileCopyrightText: The Governor authors
# SPDX-License-Identifier: Apache-2.0
"""The virtual machine's hardware and kernel command line. Part of the cache key: a saved
state can only be restored into exactly this machine."""

from __future__ import annotations

from pathlib import Path

QEMU = "qemu-system-x86_64"
MEMORY_MB = 4096

# cmpxchg16b left on makes QEMU 7.2's emulation double-fault a 6.12 kernel.
ACCELERATORS = {
    "kvm": ["-accel", "kvm", "-cpu", "host"],
    "tcg": ["-accel", "tcg,thread=multi", "-cpu", "Nehalem,-cx16"],
}

KERNEL_ARGS = " ".join([
    "root=/dev/vda rw rootfstype=ext4 console=ttyS0 loglevel=5 net.ifnames=0",
    # A broken guest must end the QEMU process (-no-reboot), never sit there.
    "panic=-1 oops=panic",
    "psi=1 systemd.unified_cgroup_hierarchy=1 systemd.show_status=1",
    # Page table isolation doubles the cost of every emulated system call.
    "mitigations=off",
    # An emulated CPU that waits for its host is not a lockup.
    "nowatchdog rcupdate.rcu_cpu_stall_timeout=120",
    # OOM reports are the tests' evidence; they must not be pushed out of the ring.
    "log_buf_len=4M",
])


def command(
    *,
    accel: str,
    memory_file: Path,
    memory_shared: bool,
    disk: Path,
    kernel: Path,
    initrd: Path,
    console: Path,
    qmp: Path,
    import_drives: list[Path] | None = None,
) -> list[str]:
    """The QEMU command line. The guest's RAM is a file: shared while the state is made, private
    (copy on write) in every run afterwards, so restoring costs no copy of the memory."""
    share = "on" if memory_shared else "off"
    argv = [
        QEMU, "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot",
        "-machine", "q35,memory-backend=ram", *ACCELERATORS[accel], "-smp", "2",
        "-m", str(MEMORY_MB),
        "-object", f"memory-backend-file,id=ram,size={MEMORY_MB}M,mem-path={memory_file},share={share}",
        "-kernel", str(kernel), "-initrd", str(initrd), "-append", KERNEL_ARGS,
        # cache=unsafe: the overlay is thrown away, a flush would only cost time.
        "-drive", f"if=none,id=d0,file={disk},format=qcow2,cache=unsafe,discard=unmap",
        "-device", "virtio-blk-pci,drive=d0",
        # restrict: nothing but the forwarded port; port 0 lets QEMU find a free one.
        "-netdev", "user,id=n0,restrict=on,hostfwd=tcp:127.0.0.1:0-:22",
        "-device", "virtio-net-pci,netdev=n0",
        "-object", "rng-random,id=rng0,filename=/dev/urandom", "-device", "virtio-rng-pci,rng=rng0",
        "-serial", f"file:{console}",
        "-qmp", f"unix:{qmp},server=on,wait=off",
    ]
    for number, drive in enumerate(import_drives or [], start=1):
        argv += ["-drive", f"if=none,id=d{number},file={drive},format=raw,readonly=on",
                 "-device", f"virtio-blk-pci,drive=d{number}"]
    return argv
