//! Pools, reductions and nearest-neighbour resizing.

use ir::Attr;

use super::super::schema::{Options, Pool2dOptions};
use super::activation::{Window, fused, windows};
use super::conv::ints_one;
use super::tensors::{TO_NCHW, logical};
use super::{Form, Importer, Use};
use crate::build::{axis, ints};
use crate::error::Fault;

impl Importer<'_> {
    pub(super) fn average_pool_2d(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.pool(used, "avg_pool2d")
    }

    pub(super) fn max_pool_2d(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.pool(used, "max_pool2d")
    }

    fn pool(&mut self, used: Use<'_>, op: &str) -> Result<(), Fault> {
        let defaults = Pool2dOptions::default();
        let options = match &used.operator.options {
            Options::Pool2d(options) => options,
            _ => &defaults,
        };
        let x = self.image(used.input(0)?)?;
        let image = self.build.shape(x).to_vec();
        let positive = |v: i32| usize::try_from(v).ok().filter(|v| *v > 0);
        let (Some(rows), Some(columns)) = (positive(options.filter_h), positive(options.filter_w)) else {
            let found = format!("a window of {} x {}", options.filter_h, options.filter_w);
            return Err(Fault::wrong(found, "at least 1 x 1"));
        };
        let direction = |input, kernel, stride| Window { input, kernel, stride, dilation: 1 };
        let [stride, _, pad] = windows(
            options.padding,
            &direction(image[2], rows, options.stride_h),
            &direction(image[3], columns, options.stride_w),
        )?;
        let attrs = [("kernel", ints(&[rows, columns])), stride, pad, fused(options.activation)?];
        self.emit(used.output()?, Form::Nchw, op, &[Some(x)], &attrs)
    }

    pub(super) fn mean(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.reduce(used, "mean")
    }

    pub(super) fn sum(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.reduce(used, "sum")
    }

    pub(super) fn reduce_max(&mut self, used: Use<'_>) -> Result<(), Fault> {
        self.reduce(used, "reduce_max")
    }

    fn reduce(&mut self, used: Use<'_>, op: &str) -> Result<(), Fault> {
        let (x, out) = (used.input(0)?, used.output()?);
        let keep = matches!(&used.operator.options, Options::Reducer(options) if options.keep_dims);
        let rank = self.file_type(x)?.rank();
        let axes: Result<Vec<usize>, _> =
            self.integers(used.input(1)?)?.iter().map(|a| axis(*a, rank)).collect();
        let mut axes = axes?;
        axes.sort_unstable();
        axes.dedup();
        let nchw = rank == 4 && self.form(x) == Some(Form::Nchw);
        // Without the reduced axes the rest must come in the file's order: it does unless C stays behind H or W.
        let left: Vec<usize> = TO_NCHW.iter().copied().filter(|a| !axes.contains(a)).collect();
        let form = if nchw && (keep || left.is_sorted()) { Form::Nchw } else { Form::AsIs };
        let value = self.value(x, form)?;
        self.per_tensor(value)?;
        if form == Form::Nchw {
            axes = axes.iter().map(|a| logical(*a)).collect();
            axes.sort_unstable();
        }
        let attrs = [("axes", ints(&axes)), ("keep", Attr::Int(keep.into()))];
        self.emit(out, form, op, &[Some(value)], &attrs)
    }

    pub(super) fn resize_nearest(&mut self, used: Use<'_>) -> Result<(), Fault> {
        const NEAREST: &str = "the same whole factor for rows and columns, without align_corners";
        let x = self.image(used.input(0)?)?;
        let size = self.integers(used.input(1)?)?;
        let aligned =
            matches!(&used.operator.options, Options::ResizeNearest(options) if options.align_corners);
        let shape = self.build.shape(x);
        let factor = |size: i64, extent: usize| {
            let size = usize::try_from(size).ok()?;
            (extent > 0 && size > 0 && size % extent == 0).then(|| size / extent)
        };
        let factors = match size[..] {
            [h, w] => factor(h, shape[2]).zip(factor(w, shape[3])),
            _ => return Err(Fault::wrong(format!("{} sizes", size.len()), "2")),
        };
        match factors {
            Some((rows, columns)) if rows == columns && !aligned => {
                self.emit(used.output()?, Form::Nchw, "resize2d", &[Some(x)], &[("scale", ints_one(rows))])
            }
            _ => Err(Fault::unsupported(format!("from {:?} to {size:?}", &shape[2..]), NEAREST)),
        }
    }
}
