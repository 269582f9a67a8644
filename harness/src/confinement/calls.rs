//! The calls that a reader of captures never makes: seccomp.
//!
//! The list names what is refused, and all else is allowed. A list of what is allowed would be shorter, but it would be one of
//! what libc, the allocator and the standard library do today, and break with the next release of any of them. A call that is
//! refused fails with EPERM.

use std::collections::BTreeMap;

use nix::libc::{
    EPERM, SYS_accept, SYS_accept4, SYS_acct, SYS_add_key, SYS_adjtimex, SYS_bind, SYS_bpf,
    SYS_capset, SYS_chroot, SYS_clock_adjtime, SYS_clock_settime, SYS_connect, SYS_delete_module,
    SYS_execve, SYS_execveat, SYS_fanotify_init, SYS_fchmodat, SYS_finit_module, SYS_fsconfig,
    SYS_fsmount, SYS_fsopen, SYS_fspick, SYS_init_module, SYS_io_uring_enter,
    SYS_io_uring_register, SYS_io_uring_setup, SYS_ioctl, SYS_kcmp, SYS_kexec_load, SYS_keyctl,
    SYS_kill, SYS_listen, SYS_lsetxattr, SYS_mount, SYS_mount_setattr, SYS_move_mount, SYS_mq_open,
    SYS_msgget, SYS_name_to_handle_at, SYS_open_by_handle_at, SYS_open_tree, SYS_perf_event_open,
    SYS_personality, SYS_pidfd_getfd, SYS_pidfd_open, SYS_pidfd_send_signal, SYS_pivot_root,
    SYS_process_madvise, SYS_process_vm_readv, SYS_process_vm_writev, SYS_ptrace, SYS_quotactl,
    SYS_reboot, SYS_recvmmsg, SYS_removexattr, SYS_request_key, SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo, SYS_semget, SYS_sendmmsg, SYS_sendmsg, SYS_sendto, SYS_setdomainname,
    SYS_setfsgid, SYS_setfsuid, SYS_setgid, SYS_setgroups, SYS_sethostname, SYS_setns,
    SYS_setregid, SYS_setresgid, SYS_setresuid, SYS_setreuid, SYS_settimeofday, SYS_setuid,
    SYS_setxattr, SYS_shmat, SYS_shmget, SYS_socket, SYS_socketpair, SYS_swapoff, SYS_swapon,
    SYS_syslog, SYS_tgkill, SYS_tkill, SYS_umount2, SYS_unshare, SYS_userfaultfd, SYS_utimensat,
    SYS_vhangup,
};
use rustix::process::getpid;
use seccompiler::{
    BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch, apply_filter,
};

/// System calls that no reader makes, whatever it is given: to speak to anybody, start anything, look into or signal
/// other processes, become somebody else, change the system, or use files by their names in ways that Landlock does not
/// know of.
const REFUSED: &[i64] = &[
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
    SYS_mq_open,
    SYS_msgget,
    SYS_semget,
    SYS_shmat,
    SYS_shmget,
    // What a reader is, and where.
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
    FCHMODAT2,
    SYS_setxattr,
    SYS_lsetxattr,
    SYS_removexattr,
    SYS_utimensat,
];

/// `fchmodat2`, which libc does not name for all architectures; its number is the same for all.
const FCHMODAT2: i64 = 452;

/// The requests TIOCSTI and TIOCLINUX of `ioctl`, whose numbers are the same on all architectures that seccomp is used on.
const PUSHES: [u64; 2] = [0x5412, 0x541c];

/// Further system calls of this architecture.
#[cfg(target_arch = "x86_64")]
const REFUSED_HERE: &[i64] = &[
    nix::libc::SYS_chmod,
    nix::libc::SYS_iopl,
    nix::libc::SYS_ioperm,
    nix::libc::SYS_modify_ldt,
    nix::libc::SYS_kexec_file_load,
];

#[cfg(not(target_arch = "x86_64"))]
const REFUSED_HERE: &[i64] = &[];

/// Refuses these calls from now on, for this thread and those that it starts; returns why not if the kernel cannot.
pub(super) fn hold_to() -> Result<(), String> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|_| "seccomp is not used on this architecture".to_owned())?;
    let program = program(architecture).map_err(|error| error.to_string())?;
    apply_filter(&program).map_err(|error| error.to_string())
}

fn program(architecture: TargetArch) -> Result<BpfProgram, seccompiler::BackendError> {
    let is = |argument, operator, value| {
        SeccompCondition::new(argument, SeccompCmpArgLen::Dword, operator, value)
            .and_then(|condition| SeccompRule::new(vec![condition]))
    };
    let always = REFUSED.iter().chain(REFUSED_HERE);
    let mut rules: BTreeMap<i64, Vec<SeccompRule>> =
        always.map(|call| (*call, Vec::new())).collect();
    // It may end itself, and nobody else.
    let ourselves = u64::from(getpid().as_raw_nonzero().get().unsigned_abs());
    for call in [
        SYS_kill,
        SYS_tgkill,
        SYS_tkill,
        SYS_rt_sigqueueinfo,
        SYS_rt_tgsigqueueinfo,
    ] {
        rules.insert(call, vec![is(0, SeccompCmpOp::Ne, ourselves)?]);
    }
    // What is pushed into a terminal's input is read by the shell behind us.
    let pushes = PUSHES.map(|request| is(1, SeccompCmpOp::Eq, request));
    rules.insert(SYS_ioctl, pushes.into_iter().collect::<Result<_, _>>()?);
    let refuse = SeccompAction::Errno(EPERM.unsigned_abs());
    let filter = SeccompFilter::new(rules, SeccompAction::Allow, refuse.clone(), architecture)?;
    let program = BpfProgram::try_from(filter)?;
    Ok([foreign_calls(refuse), program].concat())
}

/// The numbers of a second set of calls on x86-64 begin there, and the filter takes them for calls of the same architecture.
const FOREIGN_CALLS: u32 = 0x4000_0000;

/// The beginning of a filter that refuses the second set of calls as a whole, or it would be a way round.
fn foreign_calls(refuse: SeccompAction) -> BpfProgram {
    use seccompiler::sock_filter;
    // As in linux/bpf_common.h: load the call's number, compare it, return.
    const LOAD_NUMBER: u16 = 0x20;
    const IS_AT_LEAST: u16 = 0x35;
    const RETURN: u16 = 0x06;
    let statement = |code, k, jf| sock_filter { code, jt: 0, jf, k };
    vec![
        statement(LOAD_NUMBER, 0, 0),
        statement(IS_AT_LEAST, FOREIGN_CALLS, 1),
        statement(RETURN, u32::from(refuse), 0),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_call_is_left_that_has_another_number_on_the_same_architecture() {
        let architecture = TargetArch::try_from(std::env::consts::ARCH).unwrap();
        let program = program(architecture).unwrap();
        let refused = 0x0005_0000 | EPERM.unsigned_abs();
        let [load, compare, refuse] = &program[..3] else {
            panic!("{}", program.len());
        };
        assert_eq!((load.code, load.k), (0x20, 0));
        assert_eq!(
            (compare.code, compare.jt, compare.jf, compare.k),
            (0x35, 0, 1, 0x4000_0000)
        );
        assert_eq!((refuse.code, refuse.k), (0x06, refused));
    }

    #[test]
    fn each_call_is_named_once() {
        let mut all = [REFUSED, REFUSED_HERE].concat();
        all.sort_unstable();
        assert!(all.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
