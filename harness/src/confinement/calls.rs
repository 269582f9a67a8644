//! The calls that a reader of captures never makes: seccomp.
//!
//! The list names what is refused, and all else is allowed. A list of what is allowed would be shorter, but it would be one of
//! what libc, the allocator and the standard library do today, and break with the next release of any of them. A call that is
//! refused fails with EPERM.
//!
//! A call has another number on each architecture. The numbers are those that libc has for the one that this is built for; the
//! tests run the filters of all of them against the kernel's own tables.

use std::collections::BTreeMap;

use nix::libc::{
    self, CLONE_NEWCGROUP, CLONE_NEWIPC, CLONE_NEWNET, CLONE_NEWNS, CLONE_NEWPID, CLONE_NEWUSER,
    CLONE_NEWUTS, ENOSYS, EPERM,
};
use rustix::process::getpid;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition,
    SeccompFilter, SeccompRule, TargetArch, apply_filter, sock_filter,
};

/// A system call: its name in libc, and its number on this architecture.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Call {
    name: &'static str,
    number: i64,
}

macro_rules! call {
    ($name:ident) => {
        Call {
            name: stringify!($name),
            number: libc::$name,
        }
    };
}

macro_rules! calls {
    ($($name:ident,)*) => {
        &[$(call!($name)),*]
    };
}

/// System calls that no reader makes, whatever it is given: to speak to anybody, start anything, look into or signal
/// other processes, become somebody else, change the system, or use files by their names in ways that Landlock does not
/// know of.
const REFUSED: &[Call] = calls![
    // The network, and sockets of any kind.
    SYS_socket,
    SYS_socketpair,
    SYS_connect,
    SYS_bind,
    SYS_listen,
    SYS_accept,
    SYS_accept4,
    SYS_sendto,
    SYS_sendmsg,
    SYS_sendmmsg,
    SYS_recvmmsg,
    // It makes calls that no filter sees.
    SYS_io_uring_setup,
    SYS_io_uring_enter,
    SYS_io_uring_register,
    // Programs.
    SYS_execve,
    SYS_execveat,
    // Other processes.
    SYS_ptrace,
    SYS_process_vm_readv,
    SYS_process_vm_writev,
    SYS_process_madvise,
    SYS_pidfd_open,
    SYS_pidfd_getfd,
    SYS_pidfd_send_signal,
    SYS_kcmp,
    SYS_process_mrelease,
    SYS_migrate_pages,
    SYS_move_pages,
    SYS_mq_open,
    SYS_mq_unlink,
    SYS_msgget,
    SYS_msgsnd,
    SYS_msgrcv,
    SYS_msgctl,
    SYS_semget,
    SYS_semop,
    SYS_semtimedop,
    SYS_semctl,
    SYS_shmget,
    SYS_shmat,
    SYS_shmctl,
    // What a reader is, and in which namespaces.
    SYS_setuid,
    SYS_setgid,
    SYS_setreuid,
    SYS_setregid,
    SYS_setresuid,
    SYS_setresgid,
    SYS_setfsuid,
    SYS_setfsgid,
    SYS_setgroups,
    SYS_capset,
    SYS_personality,
    SYS_unshare,
    SYS_setns,
    SYS_chroot,
    SYS_pivot_root,
    SYS_mount,
    SYS_umount2,
    SYS_move_mount,
    SYS_open_tree,
    SYS_fsopen,
    SYS_fsconfig,
    SYS_fsmount,
    SYS_fspick,
    SYS_mount_setattr,
    // Keys.
    SYS_keyctl,
    SYS_add_key,
    SYS_request_key,
    // Large parts of the kernel that have had holes.
    SYS_bpf,
    SYS_perf_event_open,
    SYS_userfaultfd,
    SYS_fanotify_init,
    SYS_name_to_handle_at,
    SYS_open_by_handle_at,
    // The system.
    SYS_init_module,
    SYS_finit_module,
    SYS_delete_module,
    SYS_kexec_load,
    SYS_reboot,
    SYS_swapon,
    SYS_swapoff,
    SYS_acct,
    SYS_quotactl,
    SYS_quotactl_fd,
    SYS_syslog,
    SYS_vhangup,
    SYS_sethostname,
    SYS_setdomainname,
    SYS_settimeofday,
    SYS_clock_settime,
    SYS_clock_adjtime,
    SYS_adjtimex,
    // Files by their names: what has a descriptor is changed by that.
    SYS_fchmodat,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_removexattr,
    SYS_lremovexattr,
    SYS_utimensat,
];

/// Further ones, which not every architecture has.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[Call] = calls![
    SYS_chmod,
    SYS_utime,
    SYS_utimes,
    SYS_futimesat,
    SYS_iopl,
    SYS_ioperm,
    SYS_modify_ldt,
    SYS_kexec_file_load,
];

// libc does not name it for each of the others, which share a table.
#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[Call] = &[Call {
    name: "SYS_kexec_file_load",
    number: 294,
}];

/// Newer calls, whose numbers are the same on all architectures, and which libc does not name on all of them.
const REFUSED_EVERYWHERE: &[Call] = &[
    Call {
        name: "SYS_fchmodat2",
        number: 452,
    },
    Call {
        name: "SYS_setxattrat",
        number: 463,
    },
    Call {
        name: "SYS_removexattrat",
        number: 466,
    },
    Call {
        name: "SYS_open_tree_attr",
        number: 467,
    },
];

/// Calls that signal the process, or the thread, of their first argument.
const SIGNALS: &[Call] = calls![
    SYS_kill,
    SYS_tgkill,
    SYS_tkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
];

const PRLIMIT: Call = call!(SYS_prlimit64);
const FCNTL: Call = call!(SYS_fcntl);
const IOCTL: Call = call!(SYS_ioctl);
const CLONE: Call = call!(SYS_clone);

/// `clone3`, which has this number on all architectures.
const CLONE3: u32 = 435;

/// The requests of `ioctl` that reach beyond their file; the numbers are the same on all architectures that seccomp is used on.
///
/// TIOCSTI and TIOCLINUX push into the input of a terminal, which the shell behind us reads. FIOSETOWN and SIOCSPGRP have
/// another process signalled.
const FAR_REQUESTS: [u64; 4] = [0x5412, 0x541c, 0x8901, 0x8902];

/// The operations `F_SETOWN` and `F_SETOWN_EX` of `fcntl`, which have another process signalled.
const SIGNALLING_OPERATIONS: [u64; 2] = [8, 15];

/// The flags of `clone` that make a namespace.
const NAMESPACES: [libc::c_int; 7] = [
    CLONE_NEWCGROUP,
    CLONE_NEWIPC,
    CLONE_NEWNET,
    CLONE_NEWNS,
    CLONE_NEWPID,
    CLONE_NEWUSER,
    CLONE_NEWUTS,
];

/// Refuses these calls from now on, for this thread and those that it starts.
///
/// # Errors
///
/// Returns why not, if the kernel cannot.
pub(super) fn hold_to() -> Result<(), String> {
    let architecture =
        TargetArch::try_from(std::env::consts::ARCH).map_err(|error| error.to_string())?;
    let ourselves = u64::from(getpid().as_raw_nonzero().get().unsigned_abs());
    let program = program(architecture, ourselves, |call| Some(call.number))
        .map_err(|error| error.to_string())?;
    apply_filter(&program).map_err(|error| error.to_string())
}

/// Returns the filter of a process, given the number of each call on its architecture, if it has the call.
fn program(
    architecture: TargetArch,
    ourselves: u64,
    number: impl Fn(&Call) -> Option<i64>,
) -> Result<BpfProgram, BackendError> {
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> = BTreeMap::new();
    let mut refuse = |call: &Call, when| rules.extend(number(call).map(|number| (number, when)));
    for call in [REFUSED, REFUSED_HERE, REFUSED_EVERYWHERE]
        .into_iter()
        .flatten()
    {
        // No rule: whatever the arguments are.
        refuse(call, Vec::new());
    }
    // It may end itself, and nobody else.
    for call in SIGNALS {
        let others = argument(0, SeccompCmpOp::Ne, ourselves)?;
        refuse(call, vec![SeccompRule::new(vec![others])?]);
    }
    // 0 is the process itself. A limit of time would end another one.
    let others = [0, ourselves].map(|process| argument(0, SeccompCmpOp::Ne, process));
    let others = others.into_iter().collect::<Result<_, _>>()?;
    refuse(&PRLIMIT, vec![SeccompRule::new(others)?]);
    let signalling = SIGNALLING_OPERATIONS.map(|operation| (SeccompCmpOp::Eq, operation));
    refuse(&FCNTL, each_of(1, &signalling)?);
    let far = FAR_REQUESTS.map(|request| (SeccompCmpOp::Eq, request));
    refuse(&IOCTL, each_of(1, &far)?);
    let namespaces = NAMESPACES.map(|flag| {
        let flag = u64::from(flag.unsigned_abs());
        (SeccompCmpOp::MaskedEq(flag), flag)
    });
    refuse(&CLONE, each_of(0, &namespaces)?);
    let refusal = SeccompAction::Errno(EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refusal.clone(), architecture)?;
    Ok([beginning(refusal), BpfProgram::try_from(filter)?].concat())
}

fn argument(
    index: u8,
    operator: SeccompCmpOp,
    value: u64,
) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(index, SeccompCmpArgLen::Dword, operator, value)
}

/// Returns rules of which one is enough, each about the same argument.
fn each_of(
    index: u8,
    conditions: &[(SeccompCmpOp, u64)],
) -> Result<Vec<SeccompRule>, BackendError> {
    let conditions = conditions.iter().cloned();
    let rules = conditions.map(|(operator, value)| {
        argument(index, operator, value).and_then(|condition| SeccompRule::new(vec![condition]))
    });
    rules.collect()
}

/// The numbers of a second set of calls on x86-64 begin there, and the filter takes them for calls of the same architecture.
const FOREIGN_CALLS: u32 = 0x4000_0000;

/// Returns the beginning of a filter, which looks at the number of the call alone.
///
/// It refuses the second set of calls as a whole, or it would be a way round. It says that there is no `clone3`, whose flags
/// are in memory where no filter sees them: libc then takes `clone`.
fn beginning(refusal: SeccompAction) -> BpfProgram {
    // As in linux/bpf_common.h: load the call's number, compare it, return.
    const LOAD_NUMBER: u16 = 0x20;
    const IS_EQUAL: u16 = 0x15;
    const IS_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let statement = |code, k, jf| sock_filter { code, jt: 0, jf, k };
    let unknown = SeccompAction::Errno(ENOSYS.unsigned_abs());
    vec![
        statement(LOAD_NUMBER, 0, 0),
        statement(IS_AT_LEAST, FOREIGN_CALLS, 1),
        statement(RETURN, u32::from(refusal), 0),
        statement(IS_EQUAL, CLONE3, 1),
        statement(RETURN, u32::from(unknown), 0),
    ]
}

#[cfg(test)]
mod tests;
