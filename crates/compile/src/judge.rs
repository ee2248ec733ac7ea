//! Limits against figures: what is needed, what binds, and how near the limit could have been.

use crate::limits::{Limit, Quantity};
use hw::Estimate;
use report::Manifest;
use std::collections::BTreeMap;
use std::fmt;

/// What is known of an artifact, in [`Quantity::unit`]; a quantity that is not here cannot be judged.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    known: BTreeMap<Quantity, Figure>,
    unknown: BTreeMap<Quantity, String>,
}

/// One figure, op by op.
#[derive(Debug, Clone, PartialEq)]
pub struct Figure {
    /// The whole.
    pub total: Estimate,
    /// What each op contributes, or for memory what is in use while it runs.
    pub per_op: Vec<(String, f64)>,
    /// What decides it: the step at the peak and what lives there, or the largest contributions.
    pub binds: String,
}

impl Figures {
    /// Adds a figure.
    pub fn know(&mut self, quantity: Quantity, figure: Figure) {
        self.unknown.remove(&quantity);
        self.known.insert(quantity, figure);
    }

    /// States why a quantity cannot be judged.
    pub fn lack(&mut self, quantity: Quantity, reason: impl Into<String>) {
        if !self.known.contains_key(&quantity) {
            self.unknown.insert(quantity, reason.into());
        }
    }

    /// The figure of a quantity.
    pub fn get(&self, quantity: Quantity) -> Option<&Figure> {
        self.known.get(&quantity)
    }

    /// Replaces predictions by what a build and a run measured.
    #[must_use]
    pub fn with_measured(mut self, manifest: &Manifest) -> Self {
        let measured = |key: &str| manifest.origin_of(key) == "measured";
        let mut put = |quantity: Quantity, value: Option<u64>| {
            if let (Some(figure), Some(value)) = (self.known.get_mut(&quantity), value) {
                #[allow(clippy::cast_precision_loss, reason = "figures are far below 2^53")]
                let value = value as f64;
                figure.total = Estimate::exact(value, &figure.total.unit, hw::Origin::Measured);
            }
        };
        put(Quantity::Sram, manifest.sram_bytes().filter(|_| measured("static_bytes")));
        put(Quantity::Flash, manifest.flash_bytes().filter(|_| measured("code_bytes")));
        put(Quantity::Instructions, manifest.instructions.filter(|_| measured("instructions")));
        put(Quantity::Cycles, manifest.cycles.filter(|_| measured("cycles")));
        self
    }

    /// Every limit that is missed, and every one that cannot be judged.
    ///
    /// # Errors
    /// Where a limit bounds what is not known of this target.
    pub fn judge(&self, limits: &[Limit]) -> Result<Vec<Miss>, Unjudged> {
        let mut misses = Vec::new();
        let mut unjudged = Vec::new();
        for limit in limits {
            match self.known.get(&limit.quantity) {
                Some(figure) if figure.total.safe_upper() > limit.at_most => {
                    misses.push(Miss { limit: *limit, figure: figure.clone() });
                }
                Some(_) => {}
                None => {
                    let reason = self.unknown.get(&limit.quantity);
                    unjudged
                        .push((*limit, reason.map_or("nothing is known of it", String::as_str).to_owned()));
                }
            }
        }
        if unjudged.is_empty() { Ok(misses) } else { Err(Unjudged(unjudged)) }
    }
}

/// A limit that is not met.
#[derive(Debug, Clone, PartialEq)]
pub struct Miss {
    /// The limit.
    pub limit: Limit,
    /// What there is instead.
    pub figure: Figure,
}

impl Miss {
    /// The least limit this network meets on this target, in [`Quantity::unit`].
    pub fn nearest(&self) -> f64 {
        self.figure.total.safe_upper().ceil_to(self.limit.quantity)
    }
}

trait CeilTo {
    fn ceil_to(self, quantity: Quantity) -> f64;
}

impl CeilTo for f64 {
    /// Whole bytes and counts; other figures as they are.
    fn ceil_to(self, quantity: Quantity) -> f64 {
        if matches!(quantity.unit(), "B" | "") { self.ceil() } else { self }
    }
}

impl fmt::Display for Miss {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quantity = self.limit.quantity;
        let total = &self.figure.total;
        write!(f, "{}: {} needed", self.limit, quantity.display(total.value))?;
        if !total.is_exact() {
            let [low, high] = total.interval.map(|end| quantity.display(end));
            write!(f, " ({low} to {high}, judged by the upper end)")?;
        }
        write!(
            f,
            "; {}; nearest feasible: {}={}",
            self.figure.binds,
            quantity.name(),
            written(quantity, self.nearest())
        )
    }
}

/// A value as a limit is written.
fn written(quantity: Quantity, value: f64) -> String {
    quantity.display(value).replace(' ', "")
}

/// Limits that cannot be judged, each with the reason.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[error("{}", .0.iter().map(|(limit, reason)| format!("{limit} cannot be judged: {reason}")).collect::<Vec<_>>().join("\n"))]
pub struct Unjudged(pub Vec<(Limit, String)>);

#[cfg(test)]
mod tests {
    use super::*;
    use hw::Origin;

    fn figures() -> Figures {
        let mut figures = Figures::default();
        let total = Estimate::within(1000.0, "B", Origin::Predicted, 900.0, 1200.0);
        let per_op = vec![("conv2d_0".to_owned(), 1000.0)];
        figures.know(Quantity::Flash, Figure { total, per_op, binds: "conv2d_0 has 1000 B".into() });
        figures.lack(Quantity::Energy, "the description has no energy");
        figures
    }

    fn limit(text: &str) -> Limit {
        Limit::parse(text).expect(text)
    }

    #[test]
    fn a_prediction_is_judged_by_its_upper_end() {
        assert_eq!(figures().judge(&[limit("flash=1200B")]), Ok(Vec::new()));
        let misses = figures().judge(&[limit("flash=1100B")]).expect("flash is known");
        assert_eq!(misses.len(), 1);
        assert_eq!(misses[0].nearest(), 1200.0);
        let text = misses[0].to_string();
        assert!(text.contains("1000 B needed") && text.contains("nearest feasible: flash=1200B"), "{text}");
    }

    #[test]
    fn a_limit_that_cannot_be_judged_is_an_error_and_never_ignored() {
        let error = figures().judge(&[limit("energy=1mJ"), limit("area=3mm2")]).expect_err("unknown");
        let text = error.to_string();
        assert!(text.contains("no energy") && text.contains("area at most 3 mm2 cannot be judged"), "{text}");
    }

    #[test]
    fn a_measurement_takes_the_place_of_a_prediction() {
        let mut manifest = Manifest { code_bytes: Some(700), const_bytes: Some(400), ..Manifest::default() };
        let limits = [limit("flash=1150B")];
        assert_eq!(figures().with_measured(&manifest).judge(&limits).expect("known").len(), 1);
        manifest.origin.insert("code_bytes".into(), "measured".into());
        assert_eq!(figures().with_measured(&manifest).judge(&limits), Ok(Vec::new()));
    }
}
