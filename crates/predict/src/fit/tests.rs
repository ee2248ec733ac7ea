use super::*;

/// A device of which the truth is known: 2 ms, 3 ms a convolution, 0.5 ms a pooling, and half as much again where the network is
/// deeper than 4; each timing off by up to ten per cent.
fn device(n: usize, interaction: bool, seed: u64) -> Table {
    let mut stream = Stream::new(seed);
    let columns =
        vec![Column::additive("convolutions"), Column::additive("poolings"), Column::shape("depth")];
    let real = |v: usize| f64::from(u32::try_from(v).unwrap());
    let rows: Vec<Vec<f64>> =
        (0..n).map(|_| vec![real(stream.below(7)), real(stream.below(5)), real(stream.below(9))]).collect();
    let target = rows.iter().map(|r| {
        let factor = if interaction && r[2] > 4.0 { 1.5 } else { 1.0 };
        factor * (2.0 + 3.0 * r[0] + 0.5 * r[1]) * (0.9 + 0.2 * real(stream.below(1001)) / 1000.0)
    });
    let target = target.collect();
    Table::new(columns, rows, target, None).unwrap()
}

fn errors(predictor: &Predictor, table: &Table) -> Figures {
    let all: Vec<Prediction> = table.rows().iter().map(|r| predictor.predict(r).unwrap()).collect();
    let values: Vec<f64> = all.iter().map(|p| p.value).collect();
    let intervals: Vec<[f64; 2]> = all.iter().map(|p| p.interval).collect();
    Figures::of(&values, table.target(), &intervals)
}

#[test]
fn trees_are_chosen_where_a_line_is_not_enough_and_left_where_it_is() {
    let options = Options::default();
    let fitted = fit(&device(150, true, 1), &options, &mut Stream::new(1)).unwrap();
    assert!(fitted.predictor.family.contains("trees"), "{:?}", fitted.candidates);
    let (learned, line) =
        (errors(&fitted.predictor, &device(500, true, 2)), errors(&fitted.baseline, &device(500, true, 2)));
    assert!(learned.mean_error < 0.09 && line.mean_error > 0.15, "{learned:?} {line:?}");
    let fitted = fit(&device(150, false, 1), &options, &mut Stream::new(1)).unwrap();
    assert!(fitted.predictor.family.contains("linear"), "{:?}", fitted.candidates);
}

#[test]
fn intervals_hold_their_share_of_new_networks() {
    let mut covered = 0.0;
    for seed in 0..10 {
        let fitted = fit(&device(60, true, 100 + seed), &Options::default(), &mut Stream::new(seed)).unwrap();
        covered += errors(&fitted.predictor, &device(400, true, 900 + seed)).coverage / 10.0;
    }
    assert!((0.85..=0.96).contains(&covered), "{covered}");
}

#[test]
fn the_same_seed_gives_the_same_bytes() {
    let text = |seed| {
        let fitted = fit(&device(40, true, 1), &Options::default(), &mut Stream::new(seed)).unwrap();
        toml::to_string(&fitted.predictor).unwrap()
    };
    assert_eq!(text(3), text(3));
    let back: Predictor = toml::from_str(&text(3)).unwrap();
    assert_eq!(toml::to_string(&back).unwrap(), text(3));
}

#[test]
fn a_query_beyond_the_samples_is_refused_or_widened() {
    let fitted = fit(&device(60, false, 1), &Options::default(), &mut Stream::new(1)).unwrap();
    let inside = fitted.predictor.predict(&[3.0, 2.0, 4.0]).unwrap();
    assert_eq!(inside.outside, None);
    let beyond = fitted.predictor.predict(&[12.0, 2.0, 4.0]).unwrap();
    let width = |p: &Prediction| p.interval[1] / p.interval[0];
    assert!(width(&beyond) > 1.2 * width(&inside), "{beyond:?} {inside:?}");
    let error = fitted.predictor.estimate(&[12.0, 2.0, 4.0], "ms", true).unwrap_err().to_string();
    assert!(
        error.starts_with("outside the measured range: convolutions is 12, 0 to 6 was measured"),
        "{error}"
    );
    assert!(fitted.predictor.estimate(&[12.0, 2.0, 4.0], "ms", false).is_ok());
}

#[test]
fn columns_of_another_name_are_refused() {
    let fitted = fit(&device(20, false, 1), &Options::default(), &mut Stream::new(1)).unwrap();
    let other = [Column::additive("convolutions"), Column::additive("pools"), Column::shape("depth")];
    let error = fitted.predictor.accepts(&other).unwrap_err();
    assert_eq!(error.to_string(), "column 1 is `pools`, `poolings` expected");
}

#[test]
fn four_samples_are_too_few() {
    let error = fit(&device(4, false, 1), &Options::default(), &mut Stream::new(1)).unwrap_err();
    assert_eq!(error.to_string(), "4 samples, at least 5 needed to choose a predictor");
}

#[test]
fn the_interval_is_one_rank_further_out_than_the_share() {
    // 19 residuals, 90 %: rank (19 + 1) * 0.05 = 1, the outermost on either side.
    let residuals: Vec<f64> = (-9..=9).map(|i| f64::from(i) / 10.0).collect();
    let [low, high] = interval(residuals, 0.9);
    assert!((low.ln() + 0.9).abs() < 1e-12 && (high.ln() - 0.9).abs() < 1e-12);
}
