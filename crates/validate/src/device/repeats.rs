//! What repeated timings of one network say.
//!
//! A machine that does other things lengthens a time and never shortens it. Three steps take that out. Times are those of the
//! thread's CPU clock: one thread that waits for nothing takes as long by the wall clock where it has the core to itself, and
//! where it does not the wall clock counts its neighbours. A repeat is a visit: a few blocks of inferences in a row, of which
//! the shortest counts. Visits lie minutes apart, and the figure is the mean over their quieter half: less than the median, and
//! steadier than the minimum, which depends on how often one looked. What remains is a neighbour in the caches.

/// Visits of one network.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Repeats {
    /// Nanoseconds per inference of the shortest block of each visit, by the CPU clock.
    visits: Vec<f64>,
    /// Of all blocks, by the wall clock and by the CPU clock.
    wall_ns: f64,
    cpu_ns: f64,
}

/// Repeats summed up. All times in nanoseconds per inference, measured.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Summary {
    /// Mean over the quieter half of the repeats: the figure.
    pub quiet_ns: f64,
    /// Shortest repeat.
    pub least_ns: f64,
    /// Middle of the quieter half: a quarter of all repeats were shorter.
    pub lower_quartile_ns: f64,
    /// Longest of the quieter half: the median of all repeats.
    pub median_ns: f64,
    /// Three quarters of all repeats were shorter.
    pub upper_quartile_ns: f64,
    /// How many repeats.
    pub count: usize,
}

impl Repeats {
    /// Adds a visit: its blocks as wall clock and CPU clock, nanoseconds per inference. A block that is not a positive number
    /// is dropped, and a visit without blocks with it.
    pub fn push(&mut self, blocks: &[(f64, f64)]) {
        let time = |t: f64| t.is_finite() && t > 0.0;
        let sound = |(wall, cpu): &&(f64, f64)| time(*wall) && time(*cpu);
        let Some(least) = blocks.iter().filter(sound).map(|b| b.1).min_by(f64::total_cmp) else { return };
        self.visits.push(least);
        self.wall_ns += blocks.iter().filter(sound).map(|b| b.0).sum::<f64>();
        self.cpu_ns += blocks.iter().filter(sound).map(|b| b.1.clamp(0.0, b.0)).sum::<f64>();
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.visits.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.visits.is_empty()
    }

    /// Share of the wall clock's time that other programs had the core.
    pub fn stolen(&self) -> f64 {
        if self.wall_ns > 0.0 { 1.0 - self.cpu_ns / self.wall_ns } else { 0.0 }
    }

    /// `None` where there are no repeats.
    pub fn summary(&self) -> Option<Summary> {
        let mut times = self.visits.clone();
        times.sort_by(f64::total_cmp);
        let last = times.len().checked_sub(1)?;
        // Nearest rank: a value that was measured, not one between two.
        let at = |quarters: usize| times[last * quarters / 4];
        let half = &times[..times.len().div_ceil(2)];
        Some(Summary {
            quiet_ns: half.iter().sum::<f64>() / half.len() as f64,
            least_ns: times[0],
            lower_quartile_ns: at(1),
            median_ns: at(2),
            upper_quartile_ns: at(3),
            count: times.len(),
        })
    }
}

impl Summary {
    /// Whether the quieter half, of at least two, agrees to within `tolerance`, relative: its mean lies that close to its
    /// shortest.
    pub fn agrees(&self, tolerance: f64) -> bool {
        self.count >= 3 && self.quiet_ns <= self.least_ns * (1.0 + tolerance)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeats(wall: &[f64]) -> Repeats {
        let mut repeats = Repeats::default();
        wall.iter().for_each(|w| repeats.push(&[(*w, *w)]));
        repeats
    }

    #[test]
    fn the_figure_is_the_mean_of_the_quieter_half() {
        // Sorted: 100 102 104 | 300 900 1000. The half: (100 + 102 + 104) / 3 = 102.
        let summary = repeats(&[1000.0, 102.0, 300.0, 100.0, 900.0, 104.0]).summary().expect("six repeats");
        assert_eq!((summary.quiet_ns, summary.least_ns, summary.count), (102.0, 100.0, 6));
        // Rank 5 / 4 = 1, 10 / 4 = 2, 15 / 4 = 3.
        assert_eq!(
            (summary.lower_quartile_ns, summary.median_ns, summary.upper_quartile_ns),
            (102.0, 104.0, 300.0)
        );
        assert!(summary.agrees(0.021) && !summary.agrees(0.019));
    }

    #[test]
    fn one_repeat_is_its_own_summary_and_none_has_none() {
        assert_eq!(repeats(&[5.0]).summary().map(|s| (s.quiet_ns, s.median_ns)), Some((5.0, 5.0)));
        assert_eq!(Repeats::default().summary(), None);
    }

    #[test]
    fn what_is_no_time_is_dropped() {
        assert!(repeats(&[0.0, -1.0, f64::NAN, f64::INFINITY]).is_empty());
    }

    #[test]
    fn time_given_to_other_programs_is_told() {
        let mut repeats = Repeats::default();
        repeats.push(&[(100.0, 90.0), (300.0, 110.0)]);
        assert_eq!(repeats.stolen(), 0.5);
        assert_eq!(repeats.summary().map(|s| s.quiet_ns), Some(90.0), "the shortest block of a visit counts");
    }
}
