//! What a network will cost on a device that was measured a little: predictors on plain rows of numbers.
//!
//! A [`Table`] holds one row of features and one positive figure (latency, energy) per measured network. [`fit()`] chooses among
//! the recipes of [`Family`] by cross-validation inside the table, and returns a [`Predictor`] whose answers carry an interval;
//! the plain linear model on operation counts is always fitted beside it and its errors are reported with it. [`fewshot`] starts
//! from devices already known; [`calibrate`] corrects an analytical model by a few coefficients and says where it may not be used.
//!
//! The crate knows no graph, no machine and no file: features come from elsewhere. Randomness is the caller's stream
//! ([`Stream`]); the same stream and table give the same bytes.
//!
//! ```
//! use nasc_predict::{Column, Options, Stream, Table, fit};
//!
//! let columns = vec![Column::additive("convolutions"), Column::shape("depth")];
//! let rows: Vec<Vec<f64>> = (0..40).map(|i| vec![f64::from(i % 8), f64::from(i % 5)]).collect();
//! let latency: Vec<f64> = rows.iter().map(|row| 2.0 + 3.0 * row[0]).collect();
//! let table = Table::new(columns, rows, latency, None)?;
//! let fitted = fit(&table, &Options::default(), &mut Stream::new(1))?;
//! let estimate = fitted.predictor.predict(&[4.0, 1.0])?;
//! assert!((estimate.value - 14.0).abs() < 0.3);
//! # Ok::<(), nasc_predict::PredictError>(())
//! ```

mod boost;
pub mod calibrate;
pub mod csv;
pub mod fewshot;
pub mod figures;
mod fit;
mod folds;
mod guard;
mod linear;
mod nnls;
mod stream;
mod table;
mod tree;

pub use boost::{Boost, BoostOptions};
pub use figures::Figures;
pub use fit::{Candidate, Family, Fitted, Model, Options, Prediction, Predictor, fit};
pub use folds::folds;
pub use guard::{Beyond, Guard, Outside};
pub use linear::{Linear, LinearOptions};
pub use nnls::nnls;
pub use stream::Stream;
pub use table::{Column, MAX_COLUMNS, MAX_ROWS, PredictError, Table};
pub use tree::Tree;
