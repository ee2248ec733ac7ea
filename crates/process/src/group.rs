//! Process groups: remembering the live ones and killing them whole.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process, kill_process_group};

/// The groups whose leaders have been started and not yet collected.
static LIVE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

fn live() -> MutexGuard<'static, Vec<Pid>> {
    // A panic elsewhere while the list was held leaves a list that is still good to read.
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A live child and, where it leads one, its group. It is killed when this is dropped, which must happen before the child
/// is collected: until then the kernel keeps its id from being given to anybody else.
pub(crate) struct Group {
    child: Pid,
    leads: bool,
}

impl Group {
    /// The child of this process with the id `child`, which leads a group of its own or not.
    pub(crate) fn adopt(child: u32, leads: bool) -> Option<Self> {
        let child = i32::try_from(child).ok().and_then(Pid::from_raw)?;
        if leads {
            live().push(child);
        }
        Some(Self { child, leads })
    }

    pub(crate) fn child(&self) -> Pid {
        self.child
    }

    /// Kills the child, and every process in its group. What is gone already is what was asked for.
    pub(crate) fn kill(&self) {
        let _ = if self.leads {
            kill_process_group(self.child, Signal::KILL)
        } else {
            kill_process(self.child, Signal::KILL)
        };
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        live().retain(|pid| *pid != self.child);
    }
}

/// Kills every child started through this crate, with all that they started. For a program's handler of
/// Ctrl-C: children run in groups of their own, so the terminal does not interrupt them.
pub fn kill_all() {
    for pid in live().iter() {
        let _ = kill_process_group(*pid, Signal::KILL);
    }
}
