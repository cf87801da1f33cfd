// SPDX-FileCopyrightText: The Governor authors
// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <string_view>

/// What kernels print, in their order and spelling: shared by the parser's tests and its benchmark.
namespace kernel_texts {

inline constexpr std::string_view kMemoryEvents =
    "low 0\nhigh 1482\nmax 37\noom 2\noom_kill 1\noom_group_kill 0\n";
/// 5.10 knows no group kill counter.
inline constexpr std::string_view kMemoryEvents510 = "low 3\nhigh 7\nmax 5\noom 1\noom_kill 1\n";

inline constexpr std::string_view kPressure =
    "some avg10=1.53 avg60=0.87 avg300=0.22 total=8837412\n"
    "full avg10=100.00 avg60=0.61 avg300=0.19 total=7712098\n";

inline constexpr std::string_view kCgroupEvents = "populated 1\nfrozen 0\n";

/// memory.stat of kernel 6.12: a Python worker with some page cache.
inline constexpr std::string_view kMemoryStat = R"(anon 1610612736
file 268435456
kernel 12582912
kernel_stack 393216
pagetables 4194304
sec_pagetables 0
percpu 69120
sock 8192
vmalloc 40960
shmem 4194304
zswap 0
zswapped 0
file_mapped 52428800
file_dirty 135168
file_writeback 0
swapcached 0
anon_thp 968884224
file_thp 0
shmem_thp 0
inactive_anon 1606418432
active_anon 8388608
inactive_file 134217728
active_file 130023424
unevictable 0
slab_reclaimable 5242880
slab_unreclaimable 2097152
slab 7340032
workingset_refault_anon 0
workingset_refault_file 1822
workingset_activate_anon 0
workingset_activate_file 904
workingset_restore_anon 0
workingset_restore_file 311
workingset_nodereclaim 0
pgdemote_kswapd 0
pgdemote_direct 0
pgdemote_khugepaged 0
pgpromote_success 0
pgscan 48211
pgsteal 44102
pgscan_kswapd 0
pgscan_direct 48211
pgscan_khugepaged 0
pgsteal_kswapd 0
pgsteal_direct 44102
pgsteal_khugepaged 0
pgfault 731894
pgmajfault 412
pgrefill 2914
pgactivate 6120
pgdeactivate 2011
pglazyfree 0
pglazyfreed 0
swpin_zero 0
swpout_zero 0
zswpin 0
zswpout 0
zswpwb 0
thp_fault_alloc 611
thp_collapse_alloc 14
thp_swpout 0
thp_swpout_fallback 0
numa_pages_migrated 0
numa_pte_updates 0
numa_hint_faults 0
)";

/// memory.stat of kernel 5.10: neither "kernel" nor "pagetables".
inline constexpr std::string_view kMemoryStat510 = R"(anon 104857600
file 52428800
kernel_stack 196608
percpu 16384
sock 4096
shmem 1048576
file_mapped 20971520
file_dirty 0
file_writeback 0
anon_thp 0
inactive_anon 105906176
active_anon 0
inactive_file 31457280
active_file 19922944
unevictable 0
slab_reclaimable 3145728
slab_unreclaimable 1048576
slab 4194304
workingset_refault_anon 0
workingset_refault_file 0
workingset_activate_anon 0
workingset_activate_file 0
workingset_restore_anon 0
workingset_restore_file 0
workingset_nodereclaim 0
pgfault 41283
pgmajfault 66
pgrefill 0
pgscan 0
pgsteal 0
pgactivate 0
pgdeactivate 0
pglazyfree 0
pglazyfreed 0
thp_fault_alloc 0
thp_collapse_alloc 0
)";

/// The part of /proc/<pid>/status around the signal masks: a Python process that handles SIGTERM and has one
/// pending.
inline constexpr std::string_view kStatus = R"(Name:	python3
Umask:	0022
State:	S (sleeping)
Tgid:	4211
Pid:	4211
VmRSS:	  102400 kB
Threads:	9
SigQ:	1/31289
SigPnd:	0000000000000000
ShdPnd:	0000000000004000
SigBlk:	0000000000000000
SigIgn:	0000000001001000
SigCgt:	0000000100004002
CapInh:	0000000000000000
)";

inline constexpr std::string_view kMeminfo = R"(MemTotal:        8137456 kB
MemFree:          184320 kB
MemAvailable:    3145728 kB
SwapCached:            0 kB
SwapTotal:       2097148 kB
SwapFree:        1048576 kB
HugePages_Total:       0
)";

}  // namespace kernel_texts
