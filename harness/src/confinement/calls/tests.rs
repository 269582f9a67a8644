//! Runs the filters of all architectures as the kernel does, call by call.

use std::collections::BTreeSet;

use seccompiler::TargetArch::{aarch64, riscv64, x86_64};

use super::*;

/// Calls with their numbers on x86-64 (`arch/x86/entry/syscalls/syscall_64.tbl`) and on the architectures that share a table,
/// aarch64 and riscv64 (`include/uapi/asm-generic/unistd.h`).
const NUMBERS: &[(&str, i64, Option<i64>)] = &[
    ("SYS_accept", 43, Some(202)),
    ("SYS_accept4", 288, Some(242)),
    ("SYS_acct", 163, Some(89)),
    ("SYS_add_key", 248, Some(217)),
    ("SYS_adjtimex", 159, Some(171)),
    ("SYS_bind", 49, Some(200)),
    ("SYS_bpf", 321, Some(280)),
    ("SYS_capset", 126, Some(91)),
    ("SYS_chmod", 90, None),
    ("SYS_chroot", 161, Some(51)),
    ("SYS_clock_adjtime", 305, Some(266)),
    ("SYS_clock_settime", 227, Some(112)),
    ("SYS_clone", 56, Some(220)),
    ("SYS_clone3", 435, Some(435)),
    ("SYS_close", 3, Some(57)),
    ("SYS_connect", 42, Some(203)),
    ("SYS_delete_module", 176, Some(106)),
    ("SYS_execve", 59, Some(221)),
    ("SYS_execveat", 322, Some(281)),
    ("SYS_exit_group", 231, Some(94)),
    ("SYS_fanotify_init", 300, Some(262)),
    ("SYS_fchmod", 91, Some(52)),
    ("SYS_fchmodat", 268, Some(53)),
    ("SYS_fchmodat2", 452, Some(452)),
    ("SYS_fchown", 93, Some(55)),
    ("SYS_fcntl", 72, Some(25)),
    ("SYS_finit_module", 313, Some(273)),
    ("SYS_fsconfig", 431, Some(431)),
    ("SYS_fsmount", 432, Some(432)),
    ("SYS_fsopen", 430, Some(430)),
    ("SYS_fspick", 433, Some(433)),
    ("SYS_futex", 202, Some(98)),
    ("SYS_futimesat", 261, None),
    ("SYS_getrandom", 318, Some(278)),
    ("SYS_init_module", 175, Some(105)),
    ("SYS_io_uring_enter", 426, Some(426)),
    ("SYS_io_uring_register", 427, Some(427)),
    ("SYS_io_uring_setup", 425, Some(425)),
    ("SYS_ioctl", 16, Some(29)),
    ("SYS_ioperm", 173, None),
    ("SYS_iopl", 172, None),
    ("SYS_kcmp", 312, Some(272)),
    ("SYS_kexec_file_load", 320, Some(294)),
    ("SYS_kexec_load", 246, Some(104)),
    ("SYS_keyctl", 250, Some(219)),
    ("SYS_kill", 62, Some(129)),
    ("SYS_landlock_restrict_self", 446, Some(446)),
    ("SYS_listen", 50, Some(201)),
    ("SYS_lremovexattr", 198, Some(15)),
    ("SYS_lsetxattr", 189, Some(6)),
    ("SYS_migrate_pages", 256, Some(238)),
    ("SYS_mmap", 9, Some(222)),
    ("SYS_modify_ldt", 154, None),
    ("SYS_mount", 165, Some(40)),
    ("SYS_mount_setattr", 442, Some(442)),
    ("SYS_move_mount", 429, Some(429)),
    ("SYS_move_pages", 279, Some(239)),
    ("SYS_mq_open", 240, Some(180)),
    ("SYS_mq_unlink", 241, Some(181)),
    ("SYS_msgctl", 71, Some(187)),
    ("SYS_msgget", 68, Some(186)),
    ("SYS_msgrcv", 70, Some(188)),
    ("SYS_msgsnd", 69, Some(189)),
    ("SYS_name_to_handle_at", 303, Some(264)),
    ("SYS_open_by_handle_at", 304, Some(265)),
    ("SYS_open_tree", 428, Some(428)),
    ("SYS_open_tree_attr", 467, Some(467)),
    ("SYS_openat", 257, Some(56)),
    ("SYS_perf_event_open", 298, Some(241)),
    ("SYS_personality", 135, Some(92)),
    ("SYS_pidfd_getfd", 438, Some(438)),
    ("SYS_pidfd_open", 434, Some(434)),
    ("SYS_pidfd_send_signal", 424, Some(424)),
    ("SYS_pivot_root", 155, Some(41)),
    ("SYS_prlimit64", 302, Some(261)),
    ("SYS_process_madvise", 440, Some(440)),
    ("SYS_process_mrelease", 448, Some(448)),
    ("SYS_process_vm_readv", 310, Some(270)),
    ("SYS_process_vm_writev", 311, Some(271)),
    ("SYS_ptrace", 101, Some(117)),
    ("SYS_quotactl", 179, Some(60)),
    ("SYS_quotactl_fd", 443, Some(443)),
    ("SYS_read", 0, Some(63)),
    ("SYS_reboot", 169, Some(142)),
    ("SYS_recvmmsg", 299, Some(243)),
    ("SYS_removexattr", 197, Some(14)),
    ("SYS_removexattrat", 466, Some(466)),
    ("SYS_request_key", 249, Some(218)),
    ("SYS_rseq", 334, Some(293)),
    ("SYS_rt_sigqueueinfo", 129, Some(138)),
    ("SYS_rt_tgsigqueueinfo", 297, Some(240)),
    ("SYS_semctl", 66, Some(191)),
    ("SYS_semget", 64, Some(190)),
    ("SYS_semop", 65, Some(193)),
    ("SYS_semtimedop", 220, Some(192)),
    ("SYS_sendmmsg", 307, Some(269)),
    ("SYS_sendmsg", 46, Some(211)),
    ("SYS_sendto", 44, Some(206)),
    ("SYS_setdomainname", 171, Some(162)),
    ("SYS_setfsgid", 123, Some(152)),
    ("SYS_setfsuid", 122, Some(151)),
    ("SYS_setgid", 106, Some(144)),
    ("SYS_setgroups", 116, Some(159)),
    ("SYS_sethostname", 170, Some(161)),
    ("SYS_setns", 308, Some(268)),
    ("SYS_setregid", 114, Some(143)),
    ("SYS_setresgid", 119, Some(149)),
    ("SYS_setresuid", 117, Some(147)),
    ("SYS_setreuid", 113, Some(145)),
    ("SYS_settimeofday", 164, Some(170)),
    ("SYS_setuid", 105, Some(146)),
    ("SYS_setxattr", 188, Some(5)),
    ("SYS_setxattrat", 463, Some(463)),
    ("SYS_shmat", 30, Some(196)),
    ("SYS_shmctl", 31, Some(195)),
    ("SYS_shmget", 29, Some(194)),
    ("SYS_socket", 41, Some(198)),
    ("SYS_socketpair", 53, Some(199)),
    ("SYS_statx", 332, Some(291)),
    ("SYS_swapoff", 168, Some(225)),
    ("SYS_swapon", 167, Some(224)),
    ("SYS_syslog", 103, Some(116)),
    ("SYS_tgkill", 234, Some(131)),
    ("SYS_tkill", 200, Some(130)),
    ("SYS_umount2", 166, Some(39)),
    ("SYS_unshare", 272, Some(97)),
    ("SYS_userfaultfd", 323, Some(282)),
    ("SYS_utime", 132, None),
    ("SYS_utimensat", 280, Some(88)),
    ("SYS_utimes", 235, None),
    ("SYS_vhangup", 153, Some(58)),
    ("SYS_write", 1, Some(64)),
];

/// Calls that reading takes, at least.
const TAKEN: [&str; 13] = [
    "SYS_read",
    "SYS_write",
    "SYS_openat",
    "SYS_close",
    "SYS_statx",
    "SYS_mmap",
    "SYS_futex",
    "SYS_getrandom",
    "SYS_fchmod",
    "SYS_fchown",
    "SYS_rseq",
    "SYS_landlock_restrict_self",
    "SYS_exit_group",
];

const ALLOWED: u32 = 0x7fff_0000;
const REFUSAL: u32 = 0x0005_0000 | EPERM.unsigned_abs();
const UNKNOWN: u32 = 0x0005_0000 | ENOSYS.unsigned_abs();
const KILLED: u32 = 0x8000_0000;

/// The process that the filters are made for.
const OURSELVES: u64 = 4711;

/// A filter, and what the kernel tells it of every call.
struct Filter {
    program: BpfProgram,
    architecture: TargetArch,
}

impl Filter {
    fn new(architecture: TargetArch) -> Self {
        let program = program(architecture, OURSELVES, |call| {
            number(architecture, call.name)
        });
        Self {
            program: program.unwrap(),
            architecture,
        }
    }

    fn call(&self, name: &str, arguments: [u64; 2]) -> u32 {
        let number = number(self.architecture, name).unwrap();
        self.decide(number, of(self.architecture), arguments)
    }

    fn decide(&self, number: i64, architecture: u32, arguments: [u64; 2]) -> u32 {
        let number = u32::try_from(number).unwrap();
        // `struct seccomp_data`: number, architecture, instruction pointer, six arguments.
        let mut data = [number.to_ne_bytes(), architecture.to_ne_bytes()].concat();
        let [first, second] = arguments;
        for word in [0, first, second, 0, 0, 0, 0] {
            data.extend(word.to_ne_bytes());
        }
        run(&self.program, &data)
    }
}

/// Runs a program of the kernel's classic packet filter, and returns what it returns.
fn run(program: &[sock_filter], data: &[u8]) -> u32 {
    let mut accumulator = 0;
    let mut at = 0;
    loop {
        let instruction = &program[at];
        let k = instruction.k;
        let jump = |is_so| {
            usize::from(if is_so {
                instruction.jt
            } else {
                instruction.jf
            })
        };
        at += 1;
        match instruction.code {
            0x20 => {
                let from = usize::try_from(k).unwrap();
                let word = data[from..from + 4].try_into().unwrap();
                accumulator = u32::from_ne_bytes(word);
            }
            0x05 => at += usize::try_from(k).unwrap(),
            0x15 => at += jump(accumulator == k),
            0x25 => at += jump(accumulator > k),
            0x35 => at += jump(accumulator >= k),
            0x54 => accumulator &= k,
            0x06 => return k,
            code => panic!("{code:#x} at {}", at - 1),
        }
    }
}

fn number(architecture: TargetArch, name: &str) -> Option<i64> {
    let row = NUMBERS.iter().find(|(called, ..)| *called == name);
    let (_, of_x86, shared) = row.unwrap_or_else(|| panic!("{name} has no number here"));
    match architecture {
        x86_64 => Some(*of_x86),
        aarch64 | riscv64 => *shared,
    }
}

/// Returns the kernel's number of an architecture (`linux/audit.h`).
fn of(architecture: TargetArch) -> u32 {
    match architecture {
        x86_64 => 0xc000_003e,
        aarch64 => 0xc000_00b7,
        riscv64 => 0xc000_00f3,
    }
}

fn filters() -> [Filter; 3] {
    [x86_64, aarch64, riscv64].map(Filter::new)
}

fn calls() -> impl Iterator<Item = &'static Call> {
    [REFUSED, REFUSED_HERE, REFUSED_EVERYWHERE]
        .into_iter()
        .flatten()
}

#[test]
fn libc_and_the_kernel_agree_on_the_numbers_of_this_architecture() {
    let here = TargetArch::try_from(std::env::consts::ARCH).unwrap();
    for call in calls()
        .chain(SIGNALS)
        .chain(&[PRLIMIT, FCNTL, IOCTL, CLONE])
    {
        assert_eq!(number(here, call.name), Some(call.number), "{}", call.name);
    }
}

#[test]
fn what_no_reader_does_is_refused_on_every_architecture_and_nothing_else() {
    for filter in filters() {
        let architecture = filter.architecture;
        let numbers = calls().filter_map(|call| number(architecture, call.name));
        let refused: BTreeSet<i64> = numbers.collect();
        // Signals are refused for their first argument, which is 0 here: to one's group.
        let signals: BTreeSet<i64> = SIGNALS
            .iter()
            .filter_map(|call| number(architecture, call.name))
            .collect();
        for call in 0..1024 {
            let expected = match call {
                call if call == i64::from(CLONE3) => UNKNOWN,
                call if refused.contains(&call) || signals.contains(&call) => REFUSAL,
                _ => ALLOWED,
            };
            let decided = filter.decide(call, of(architecture), [0, 0]);
            assert_eq!(decided, expected, "{architecture:?} {call}");
        }
        for name in TAKEN {
            let given = [u64::MAX, u64::MAX];
            assert_eq!(filter.call(name, given), ALLOWED, "{architecture:?} {name}");
        }
    }
}

#[test]
fn it_signals_and_limits_itself_alone() {
    for filter in filters() {
        for Call { name, .. } in SIGNALS {
            assert_eq!(filter.call(name, [OURSELVES, 9]), ALLOWED, "{name}");
            // A neighbour, the group, everybody, a group of others.
            for other in [
                OURSELVES + 1,
                0,
                (-1_i64).cast_unsigned(),
                (-4711_i64).cast_unsigned(),
            ] {
                assert_eq!(filter.call(name, [other, 9]), REFUSAL, "{name} {other}");
            }
        }
        assert_eq!(filter.call("SYS_prlimit64", [0, 7]), ALLOWED);
        assert_eq!(filter.call("SYS_prlimit64", [OURSELVES, 7]), ALLOWED);
        assert_eq!(filter.call("SYS_prlimit64", [OURSELVES + 1, 7]), REFUSAL);
        // F_GETFD and F_DUPFD_CLOEXEC, then F_SETOWN and F_SETOWN_EX.
        for (operation, decision) in [(1, ALLOWED), (1030, ALLOWED), (8, REFUSAL), (15, REFUSAL)] {
            assert_eq!(filter.call("SYS_fcntl", [3, operation]), decision);
        }
    }
}

#[test]
fn nothing_is_pushed_into_a_terminal_whatever_else_is_in_the_register() {
    for filter in filters() {
        // TCGETS and TIOCGWINSZ.
        for request in [0x5401, 0x5413] {
            assert_eq!(filter.call("SYS_ioctl", [0, request]), ALLOWED);
        }
        for request in FAR_REQUESTS {
            for above in [0, 1 << 32, u64::from(u32::MAX) << 32] {
                let decision = filter.call("SYS_ioctl", [0, request | above]);
                assert_eq!(decision, REFUSAL, "{request:#x} {above:#x}");
            }
        }
    }
}

#[test]
fn threads_are_started_and_no_namespaces() {
    for filter in filters() {
        // As glibc and musl start a thread, and `fork`, which only sends a signal (SIGCHLD).
        for flags in [0x003d_0f00, 0x007d_0f00, 0x0120_0011] {
            assert_eq!(filter.call("SYS_clone", [flags, 0]), ALLOWED, "{flags:#x}");
        }
        for flag in NAMESPACES {
            let flag = u64::from(flag.unsigned_abs());
            for flags in [flag, flag | 0x11, flag | 0x003d_0f00] {
                assert_eq!(filter.call("SYS_clone", [flags, 0]), REFUSAL, "{flags:#x}");
            }
        }
    }
}

#[test]
fn calls_of_another_architecture_are_no_way_round() {
    for filter in filters() {
        let here = of(filter.architecture);
        // The second set of x86-64, of 32 bits.
        for call in [0x4000_0000, 0x4000_0208, 0xffff_ffff] {
            assert_eq!(filter.decide(call, here, [0, 0]), REFUSAL, "{call:#x}");
        }
        // 32-bit x86 and ARM, and the other two.
        for other in [
            0x4000_0003,
            0x4000_0028,
            of(x86_64),
            of(aarch64),
            of(riscv64),
        ] {
            let expected = if other == here { ALLOWED } else { KILLED };
            assert_eq!(filter.decide(3, other, [0, 0]), expected, "{other:#x}");
        }
    }
}

#[test]
fn each_call_is_named_once() {
    let numbers: Vec<i64> = calls().chain(SIGNALS).map(|call| call.number).collect();
    let different: BTreeSet<i64> = numbers.iter().copied().collect();
    assert_eq!(different.len(), numbers.len());
}
