//! Networks timed in turns: every round visits each of them once, in an order of its own.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::error::Error;
use super::random::Random;
use super::repeats::Repeats;

/// One network as a runtime takes it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Name of the network.
    pub name: String,
    /// Its file, or its program.
    pub path: PathBuf,
}

/// How a network is timed when it is visited.
#[derive(Debug, Clone, Copy)]
pub struct Visit {
    /// Blocks of each visit.
    pub blocks: usize,
    /// Inferences run before the first block for at least this long.
    pub warm_up: Duration,
    /// A block is as many inferences in a row as take this long; one where a single inference takes longer.
    pub block: Duration,
}

impl Default for Visit {
    fn default() -> Self {
        Self { blocks: 10, warm_up: Duration::from_millis(5), block: Duration::from_millis(1) }
    }
}

/// How often networks are visited.
#[derive(Debug, Clone, Copy)]
pub struct Schedule {
    /// What happens at a visit.
    pub visit: Visit,
    /// Rounds before agreement is asked for.
    pub least_rounds: usize,
    /// Rounds at most.
    pub most_rounds: usize,
    /// A network is visited until its quieter half agrees to within this, relative.
    pub tolerance: f64,
    /// No round begins later than this after the first.
    pub time_out: Duration,
    /// Order of visits.
    pub seed: u64,
}

impl Default for Schedule {
    fn default() -> Self {
        Self {
            visit: Visit::default(),
            least_rounds: 8,
            most_rounds: 40,
            tolerance: 0.02,
            time_out: Duration::from_secs(1800),
            seed: 0,
        }
    }
}

/// Takes the blocks of a visit, by the number of its job.
pub type Push<'a> = dyn FnMut(usize, &[(f64, f64)]) + 'a;

/// What can time networks.
pub trait Timer {
    /// Times each of `jobs` once, in this order, and hands the blocks of each to `push` by the number of its job: wall
    /// clock and CPU clock, nanoseconds per inference.
    ///
    /// # Errors
    /// Where the runtime is missing or a network does not run.
    fn round(&mut self, jobs: &[&Job], visit: &Visit, push: &mut Push<'_>) -> Result<(), Error>;
}

/// What a round left, for whoever shows progress.
#[derive(Debug, Clone, Copy)]
pub struct Progress {
    /// Rounds done.
    pub round: usize,
    /// Networks whose visits agree.
    pub settled: usize,
    /// Networks.
    pub networks: usize,
}

/// Visits networks in rounds until the visits of each agree, the rounds are used up or the time is over. Every network is
/// visited in the first rounds, later only those that do not agree yet. The result is in the order of `jobs`.
///
/// # Errors
/// As [`Timer::round`].
pub fn collect(
    timer: &mut dyn Timer,
    jobs: &[Job],
    schedule: &Schedule,
    progress: &mut dyn FnMut(Progress),
) -> Result<Vec<Repeats>, Error> {
    let mut all = vec![Repeats::default(); jobs.len()];
    let mut open: Vec<usize> = (0..jobs.len()).collect();
    let begin = Instant::now();
    for round in 0..schedule.most_rounds {
        if open.is_empty() || (round > 0 && begin.elapsed() > schedule.time_out) {
            break;
        }
        Random::new(schedule.seed, round as u64).shuffle(&mut open);
        let visited: Vec<&Job> = open.iter().map(|i| &jobs[*i]).collect();
        timer.round(&visited, &schedule.visit, &mut |at, blocks| all[open[at]].push(blocks))?;
        if round + 1 >= schedule.least_rounds {
            let agrees = |r: &Repeats| r.summary().is_some_and(|s| s.agrees(schedule.tolerance));
            open.retain(|i| !agrees(&all[*i]));
            open.sort_unstable();
        }
        let settled = jobs.len() - open.len();
        progress(Progress { round: round + 1, settled, networks: jobs.len() });
    }
    Ok(all)
}

/// Numbers of jobs by name.
pub(super) fn by_name<'a>(jobs: &[&'a Job]) -> BTreeMap<&'a str, usize> {
    jobs.iter().enumerate().map(|(i, job)| (job.name.as_str(), i)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `quiet` takes the same time in every round, `noisy` another one in each.
    struct Fake {
        rounds: Vec<Vec<String>>,
    }

    impl Timer for Fake {
        fn round(&mut self, jobs: &[&Job], visit: &Visit, push: &mut Push<'_>) -> Result<(), Error> {
            self.rounds.push(jobs.iter().map(|job| job.name.clone()).collect());
            let n = self.rounds.len() as f64;
            for (i, job) in jobs.iter().enumerate() {
                let wall = if job.name == "quiet" { 100.0 } else { 100.0 * 1.5f64.powf(n) };
                push(i, &vec![(wall, wall); visit.blocks]);
            }
            Ok(())
        }
    }

    fn jobs(names: &[&str]) -> Vec<Job> {
        names.iter().map(|name| Job { name: (*name).to_owned(), path: PathBuf::new() }).collect()
    }

    #[test]
    fn networks_that_agree_are_left_alone_and_the_others_are_visited_again() {
        let mut fake = Fake { rounds: Vec::new() };
        let schedule = Schedule { least_rounds: 3, most_rounds: 5, ..Schedule::default() };
        let all = collect(&mut fake, &jobs(&["noisy", "quiet"]), &schedule, &mut |_| ())
            .expect("a fake does not fail");
        assert_eq!(fake.rounds.iter().map(Vec::len).collect::<Vec<_>>(), [2, 2, 2, 1, 1]);
        assert_eq!([all[0].len(), all[1].len()], [5, 3]);
        assert_eq!(all[1].summary().map(|s| s.quiet_ns), Some(100.0));
    }

    #[test]
    fn each_round_has_an_order_of_its_own_that_repeats_with_the_seed() {
        let orders = |seed| {
            let mut fake = Fake { rounds: Vec::new() };
            let schedule = Schedule { least_rounds: 3, most_rounds: 3, seed, ..Schedule::default() };
            collect(&mut fake, &jobs(&["a", "b", "c", "d", "e", "f", "g", "h"]), &schedule, &mut |_| ())
                .expect("a fake does not fail");
            fake.rounds
        };
        let first = orders(1);
        assert_eq!(first, orders(1));
        assert_ne!(first, orders(2));
        assert!(first[0] != first[1] && first[1] != first[2]);
    }
}
