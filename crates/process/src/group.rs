//! Process groups: remembering the live ones and killing them whole.

use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};

/// The groups whose leaders have been started and not yet collected.
static LIVE: Mutex<Vec<Pid>> = Mutex::new(Vec::new());

fn live() -> MutexGuard<'static, Vec<Pid>> {
    // A panic elsewhere while the list was held leaves a list that is still good to read.
    LIVE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A live group. It is killed when this is dropped, which must happen before its leader is collected:
/// until then the kernel keeps the leader's id from being given to anybody else.
pub(crate) struct Group(Pid);

impl Group {
    /// The group led by the child of this process with the id `leader`.
    pub(crate) fn adopt(leader: u32) -> Option<Self> {
        let pid = i32::try_from(leader).ok().and_then(Pid::from_raw)?;
        live().push(pid);
        Some(Self(pid))
    }

    pub(crate) fn leader(&self) -> Pid {
        self.0
    }

    /// Kills every process in the group. A group that is gone already is what was asked for.
    pub(crate) fn kill(&self) {
        let _ = kill_process_group(self.0, Signal::KILL);
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        self.kill();
        live().retain(|pid| *pid != self.0);
    }
}

/// Kills every child started through this crate, with all that they started. For a program's handler of
/// Ctrl-C: children run in groups of their own, so the terminal does not interrupt them.
pub fn kill_all() {
    for pid in live().iter() {
        let _ = kill_process_group(*pid, Signal::KILL);
    }
}
