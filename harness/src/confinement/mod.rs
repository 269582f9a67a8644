//! Confinement: a process that reads captures gives up what it does not need before it reads the first byte of one.
//!
//! A capture is made by strangers. Should one find a hole in what reads it, the process that it gets is of little use: it
//! reaches no network, starts no program, looks into no other process, and opens no files but those that its verb was named
//! and those of the project. Two parts of the kernel hold it to that: Landlock holds it to its [`Files`], and seccomp to the
//! calls that reading takes. What a kernel lacks is left out and said: see [`Confinement`].
//!
//! Both hold for the thread that asks for them and for all threads that it starts, so [`confine`] belongs before the second one.

#[cfg(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
))]
mod calls;
mod files;

use std::fmt;

pub use self::files::Files;

/// Architectures whose calls are not known here.
#[cfg(not(any(
    target_arch = "x86_64",
    target_arch = "aarch64",
    target_arch = "riscv64"
)))]
mod calls {
    /// Says why no call is refused.
    pub(super) fn hold_to() -> Result<(), String> {
        let architecture = std::env::consts::ARCH;
        Err(format!("seccomp is not used on {architecture}"))
    }
}

/// The confinement of a process.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Confinement {
    /// The version of Landlock that holds the process to its files; else why there is none.
    pub files: Result<String, String>,
    /// An error if the process is not held to the calls of a reader.
    pub calls: Result<(), String>,
}

/// Gives up all files but these, the network, other processes and programs, for this thread and those that it starts.
///
/// Nothing of this can be taken back.
#[must_use]
pub fn confine(files: &Files) -> Confinement {
    // Landlock is asked for by a call that the other one would leave alone, but files are opened for it.
    let files = files.hold_to();
    Confinement {
        files,
        calls: calls::hold_to(),
    }
}

impl fmt::Display for Confinement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.files {
            Ok(version) => write!(
                f,
                "opens no files but its own (Landlock, version {version})"
            )?,
            Err(why) => write!(f, "may open any file of its user ({why})")?,
        }
        match &self.calls {
            Ok(()) => f.write_str(", reaches no network and starts no program (seccomp)"),
            Err(why) => write!(f, ", may reach the network and start programs ({why})"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_lacks_is_said() {
        let mut confinement = Confinement {
            files: Ok("7".to_owned()),
            calls: Ok(()),
        };
        assert_eq!(
            confinement.to_string(),
            "opens no files but its own (Landlock, version 7), reaches no network and starts no program (seccomp)"
        );
        confinement.files = Err("this kernel has no Landlock".to_owned());
        confinement.calls = Err("this kernel has no seccomp".to_owned());
        assert_eq!(
            confinement.to_string(),
            "may open any file of its user (this kernel has no Landlock), may reach the network and start programs (this \
             kernel has no seccomp)"
        );
    }
}
