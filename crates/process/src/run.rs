//! Starting a child, feeding it, listening to it, and ending it in time.

use std::io::{self, Read, Write};
use std::os::unix::process::CommandExt;
use std::process::{Child, Stdio};
use std::sync::mpsc::{self, Receiver};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};

use crate::command::Command;
use crate::error::{Error, Exit, Output};
use crate::group::Group;
use crate::packages::package_of;

/// How long to wait for the end of the pipes once the child and its group are dead. Only a process that
/// left the group (a daemon) can hold them open longer, and its output is not the child's.
const DRAIN: Duration = Duration::from_millis(500);

pub(crate) fn run(command: &Command) -> Result<Output, Error> {
    let start = Instant::now();
    let mut child = spawn(command)?;
    let io_error = |source| Error::Io { program: command.program(), source };
    let group = Group::adopt(child.id(), !command.foreground)
        .ok_or_else(|| io_error(io::Error::other("the child has no process id")))?;

    feed(&mut child, command);
    let out = Capture::start(child.stdout.take(), command.capture);
    let err = Capture::start(child.stderr.take(), command.capture);
    let ended = watch(group.child()).recv_timeout(command.time_out).is_ok();

    // Kills what the child left running, or all of it at the deadline. The child has not been collected
    // yet, so its id cannot have been reused.
    drop(group);
    let status = child.wait().map_err(io_error)?;
    let ((stdout, lost_out), (stderr, lost_err)) = (out.finish(), err.finish());
    let output = Output {
        exit: Exit::of(status),
        stdout,
        stderr,
        dropped: lost_out + lost_err,
        wall: start.elapsed(),
    };
    if ended {
        Ok(output)
    } else {
        Err(Error::TimedOut {
            program: command.program(),
            time_out: command.time_out,
            output: Box::new(output),
        })
    }
}

fn spawn(command: &Command) -> Result<Child, Error> {
    let program = command.program();
    if let Some(dir) = &command.dir
        && !dir.is_dir()
    {
        return Err(Error::Directory { program, dir: dir.clone() });
    }
    let mut std = std::process::Command::new(&command.program);
    std.args(&command.args).envs(command.env.iter().map(|(key, value)| (key, value)));
    if !command.foreground {
        std.process_group(0);
    }
    if let Some(dir) = &command.dir {
        std.current_dir(dir);
    }
    let stream = || if command.foreground { Stdio::inherit() } else { Stdio::piped() };
    std.stdin(if command.stdin.is_empty() { Stdio::null() } else { Stdio::piped() });
    std.stdout(stream()).stderr(stream());
    std.spawn().map_err(|source| match source.kind() {
        io::ErrorKind::NotFound => Error::Missing { package: package_of(&command.program), program },
        _ => Error::Io { program, source },
    })
}

/// Writes standard input from a thread, so that a child that prints before it reads cannot block us.
fn feed(child: &mut Child, command: &Command) {
    if let Some(mut pipe) = child.stdin.take() {
        let bytes = command.stdin.clone();
        // A child may end without reading everything; the broken pipe says nothing of interest.
        thread::spawn(move || drop(pipe.write_all(&bytes)));
    }
}

/// Tells when the child has ended, without collecting it.
fn watch(pid: Pid) -> Receiver<()> {
    let (tell, told) = mpsc::channel();
    thread::spawn(move || {
        // Interrupted by a signal: ask again. Any other refusal means there is no child to wait for.
        while let Err(rustix::io::Errno::INTR) =
            waitid(WaitId::Pid(pid), WaitIdOptions::EXITED | WaitIdOptions::NOWAIT)
        {}
        let _ = tell.send(());
    });
    told
}

/// One stream of the child, read by a thread until its end.
struct Capture {
    kept: Arc<Mutex<(Vec<u8>, u64)>>,
    done: Option<Receiver<()>>,
}

impl Capture {
    fn start(pipe: Option<impl Read + Send + 'static>, limit: usize) -> Self {
        let kept = Arc::new(Mutex::new((Vec::new(), 0)));
        let done = pipe.map(|mut pipe| {
            let (tell, done) = mpsc::channel();
            let kept = Arc::clone(&kept);
            thread::spawn(move || {
                let mut buffer = [0; 1 << 16];
                loop {
                    let read = match pipe.read(&mut buffer) {
                        Ok(0) => break,
                        Ok(read) => read,
                        Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                        Err(_) => break,
                    };
                    let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
                    let take = read.min(limit - kept.0.len());
                    kept.0.extend_from_slice(&buffer[..take]);
                    kept.1 += (read - take) as u64;
                }
                let _ = tell.send(());
            });
            done
        });
        Self { kept, done }
    }

    /// What was kept, and how many bytes were dropped.
    fn finish(self) -> (Vec<u8>, u64) {
        if let Some(done) = self.done {
            let _ = done.recv_timeout(DRAIN);
        }
        std::mem::take(&mut *self.kept.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
