//! Holds up signals until a file has its name, or is gone.

use std::io;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use signal_hook::consts::{SIGHUP, SIGINT, SIGQUIT, SIGTERM};
use signal_hook::{flag, low_level};

/// The signals that end a program which does not handle them.
const DEADLY: [i32; 4] = [SIGINT, SIGTERM, SIGHUP, SIGQUIT];

/// The handlers. They stay as long as the process: the system's own cannot be put back while a signal may be coming in.
static HANDLERS: Mutex<Option<Handlers>> = Mutex::new(None);

#[derive(Clone, Debug)]
struct Handlers {
    /// True if the signals end the process, as they do without handlers.
    is_deadly: Arc<AtomicBool>,
    /// The last of them that came.
    came: Arc<AtomicUsize>,
}

/// A guard that holds up Ctrl-C and similar signals, which take effect when it is dropped. Without it, half a file
/// would be left next to the one that it was to replace.
///
/// It lives as long as a file is written, and no longer; there is one at a time.
#[derive(Debug)]
pub struct Deferred(Handlers);

impl Deferred {
    /// Holds the signals up from now on.
    ///
    /// # Errors
    ///
    /// Returns an error if the system takes no handler.
    pub fn begin() -> io::Result<Self> {
        let mut handlers = HANDLERS.lock().unwrap_or_else(PoisonError::into_inner);
        let installed = match handlers.take() {
            Some(installed) => installed,
            None => Handlers::install()?,
        };
        *handlers = Some(installed.clone());
        installed.is_deadly.store(false, Ordering::SeqCst);
        Ok(Self(installed))
    }
}

impl Drop for Deferred {
    fn drop(&mut self) {
        self.0.is_deadly.store(true, Ordering::SeqCst);
        let number = self.0.came.load(Ordering::SeqCst);
        if let Some(came) = DEADLY
            .into_iter()
            .find(|one| usize::try_from(*one) == Ok(number))
        {
            // It fails for signals that it does not know, and these it knows.
            let _ = low_level::emulate_default_handler(came);
        }
    }
}

impl Handlers {
    fn install() -> io::Result<Self> {
        let handlers = Self {
            is_deadly: Arc::new(AtomicBool::new(false)),
            came: Arc::default(),
        };
        let ignored = ignored();
        for signal in DEADLY {
            // `nohup` has them ignored, and they stay so.
            if ignored & (1 << (signal - 1)) == 0 {
                let number = usize::try_from(signal).map_err(io::Error::other)?;
                flag::register_conditional_default(signal, Arc::clone(&handlers.is_deadly))?;
                flag::register_usize(signal, Arc::clone(&handlers.came), number)?;
            }
        }
        Ok(handlers)
    }
}

/// Returns the signals that this process was started to ignore, a bit for each as proc(5) tells; 0 if it does not tell.
fn ignored() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    mask.map_or(0, |mask| u64::from_str_radix(mask.trim(), 16).unwrap_or(0))
}
