//! Splitting samples so that no network stands on both sides.

use crate::Stream;

/// Which of `k` folds each sample belongs to: samples of one group share a fold, folds differ by few samples.
/// The order of groups is drawn from the stream. Fewer folds come out where there are fewer groups.
pub fn folds(groups: &[u64], k: usize, stream: &mut Stream) -> Vec<usize> {
    let mut names: Vec<u64> = groups.to_vec();
    names.sort_unstable();
    names.dedup();
    stream.shuffle(&mut names);
    let k = k.clamp(1, names.len().max(1));
    let size = |name: &u64| groups.iter().filter(|g| *g == name).count();
    let mut held = vec![0_usize; k];
    let mut place: Vec<(u64, usize)> = Vec::with_capacity(names.len());
    if names.len() == groups.len() {
        place.extend(names.iter().enumerate().map(|(i, name)| (*name, i % k)));
    } else {
        for name in &names {
            let fold = (0..k).min_by_key(|f| (held[*f], *f)).unwrap_or(0);
            held[fold] += size(name);
            place.push((*name, fold));
        }
    }
    place.sort_unstable();
    let fold_of = |g: &u64| place.binary_search_by_key(g, |p| p.0).map_or(0, |i| place[i].1);
    groups.iter().map(fold_of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_network_measured_twice_stays_in_one_fold() {
        let groups = [7, 7, 1, 2, 3, 3, 3, 9];
        let fold = folds(&groups, 3, &mut Stream::new(1));
        assert_eq!(fold[0], fold[1]);
        assert!(fold[4] == fold[5] && fold[5] == fold[6]);
        assert!(fold.iter().all(|f| *f < 3));
        assert!((0..3).all(|f| fold.contains(&f)), "{fold:?}");
    }

    #[test]
    fn folds_of_single_samples_differ_by_one_at_most() {
        let groups: Vec<u64> = (0..23).collect();
        let fold = folds(&groups, 5, &mut Stream::new(2));
        let sizes: Vec<usize> = (0..5).map(|f| fold.iter().filter(|g| **g == f).count()).collect();
        assert!(sizes.iter().all(|s| (4..=5).contains(s)), "{sizes:?}");
    }
}
