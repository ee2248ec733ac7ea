//! Blocks of pixels moved into channels or batches, and back: reshapes around one transpose.

use ir::{Attr, Value};

use super::super::schema::Options;
use super::{Form, Importer, Use};
use crate::build::ints;
use crate::error::Fault;

impl Importer<'_> {
    /// [n, h, w, c] to [n, h / b, w / b, b * b * c], the channels of a block's pixels in row-major order.
    pub(super) fn space_to_depth(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let block = match &used.operator.options {
            Options::SpaceToDepth(options) => self::block(options.block_size)?,
            _ => return Err(Fault::wrong("no options", "SpaceToDepthOptions")),
        };
        let (value, [n, h, w, c]) = self.pixels(used)?;
        let (rows, columns) = (h / block, w / block);
        let value = self.build.reshape(value, &[n, rows, block, columns, block, c])?;
        let value = self.build.transpose(value, &[0, 1, 3, 2, 4, 5])?;
        self.finish_blocks(used, value)
    }

    /// The inverse of [`Importer::space_to_depth`].
    pub(super) fn depth_to_space(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let block = match &used.operator.options {
            Options::DepthToSpace(options) => self::block(options.block_size)?,
            _ => return Err(Fault::wrong("no options", "DepthToSpaceOptions")),
        };
        let (value, [n, h, w, c]) = self.pixels(used)?;
        let value = self.build.reshape(value, &[n, h, w, block, block, c / (block * block)])?;
        let value = self.build.transpose(value, &[0, 1, 3, 2, 4, 5])?;
        self.finish_blocks(used, value)
    }

    /// [n, s.., rest] padded, then every `block`-th pixel into a batch of its own: converters of old make dilated convolutions so.
    pub(super) fn space_to_batch(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let value = self.value(used.input(0)?, Form::AsIs)?;
        let (blocks, pads) = self.blocks_and_margins(used, value)?;
        let spatial = blocks.len();
        let rank = self.build.shape(value).len();
        let (mut before, mut after) = (vec![0; rank], vec![0; rank]);
        for (i, pair) in pads.iter().enumerate() {
            (before[i + 1], after[i + 1]) = (pair[0], pair[1]);
        }
        let value = if pads.iter().any(|pair| pair != &[0, 0]) {
            self.build.op("pad", &[value], &[("before", ints(&before)), ("after", ints(&after))])?
        } else {
            value
        };
        let shape = self.build.shape(value).to_vec();
        let mut split = vec![shape[0]];
        for (i, block) in blocks.iter().enumerate() {
            split.extend([shape[i + 1] / block, *block]);
        }
        split.extend(&shape[1 + spatial..]);
        let value = self.build.reshape(value, &split)?;
        let places = (0..spatial).map(|i| 2 + 2 * i);
        let steps = (0..spatial).map(|i| 1 + 2 * i);
        let perm: Vec<usize> = places.chain([0]).chain(steps).chain(1 + 2 * spatial..split.len()).collect();
        let value = self.build.transpose(value, &perm)?;
        self.finish_blocks(used, value)
    }

    /// The inverse of [`Importer::space_to_batch`], then cropped.
    pub(super) fn batch_to_space(&mut self, used: Use<'_>) -> Result<(), Fault> {
        let value = self.value(used.input(0)?, Form::AsIs)?;
        let (blocks, crops) = self.blocks_and_margins(used, value)?;
        let spatial = blocks.len();
        let shape = self.build.shape(value).to_vec();
        let all = blocks.iter().try_fold(1usize, |n, b| n.checked_mul(*b)).unwrap_or(usize::MAX);
        let mut split = blocks.clone();
        split.push(shape[0] / all);
        split.extend(&shape[1..]);
        let value = self.build.reshape(value, &split)?;
        let pairs = (0..spatial).flat_map(|i| [spatial + 1 + i, i]);
        let perm: Vec<usize> =
            [spatial].into_iter().chain(pairs).chain(2 * spatial + 1..split.len()).collect();
        let value = self.build.transpose(value, &perm)?;
        let mut joined = vec![shape[0] / all];
        joined.extend((0..spatial).map(|i| shape[i + 1].saturating_mul(blocks[i])));
        joined.extend(&shape[1 + spatial..]);
        let value = self.build.reshape(value, &joined)?;
        let (mut start, mut size) = (vec![0; joined.len()], joined.clone());
        for (i, pair) in crops.iter().enumerate() {
            let left = joined[i + 1].checked_sub(pair[0]).and_then(|rest| rest.checked_sub(pair[1]));
            size[i + 1] = left
                .ok_or_else(|| Fault::wrong(format!("crops {crops:?}"), format!("less than {joined:?}")))?;
            start[i + 1] = pair[0];
        }
        let value = self.build.slice(value, &start, &size, &vec![1; joined.len()])?;
        self.finish_blocks(used, value)
    }

    /// The constant operands of both batch operators: a block and a margin before and after for each spatial axis.
    fn blocks_and_margins(
        &mut self,
        used: Use<'_>,
        x: Value,
    ) -> Result<(Vec<usize>, Vec<[usize; 2]>), Fault> {
        let rank = self.build.shape(x).len();
        let blocks = self.integers(used.input(1)?)?;
        let margins = self.integers(used.input(2)?)?;
        let size = |v: &i64| usize::try_from(*v).ok().filter(|v| *v < 1 << 31);
        let sizes: Option<Vec<usize>> = blocks.iter().map(|b| size(b).filter(|b| *b > 0)).collect();
        let pairs: Option<Vec<[usize; 2]>> =
            margins.chunks(2).map(|pair| Some([size(pair.first()?)?, size(pair.get(1)?)?])).collect();
        match (sizes, pairs) {
            (Some(sizes), Some(pairs)) if sizes.len() == pairs.len() && sizes.len() < rank => {
                Ok((sizes, pairs))
            }
            _ => {
                let found = format!("blocks {blocks:?} and margins {margins:?}");
                Err(Fault::wrong(
                    found,
                    format!("a block and two margins for each of at most {} axes", rank.max(1) - 1),
                ))
            }
        }
    }

    /// An image in the file's order.
    fn pixels(&mut self, used: Use<'_>) -> Result<(Value, [usize; 4]), Fault> {
        let value = self.value(used.input(0)?, Form::AsIs)?;
        match *self.build.shape(value) {
            [n, h, w, c] => Ok((value, [n, h, w, c])),
            ref shape => Err(Fault::wrong(format!("an operand {shape:?}"), "rank 4")),
        }
    }

    /// Joins the axes into the result's shape, which must be of the operand's scale.
    fn finish_blocks(&mut self, used: Use<'_>, value: Value) -> Result<(), Fault> {
        let out = used.output()?;
        let declared = self.file_type(out)?;
        if self.build.graph.ty(value).quant != declared.quant {
            return Err(Fault::wrong("a result with another scale or zero point", "those of the operand"));
        }
        let attrs = [("shape", Attr::Ints(declared.shape.iter().map(|d| *d as i64).collect()))];
        let value = self.build.add("reshape", &[Some(value)], &attrs, Some(declared))?;
        self.define(out, Form::AsIs, value)
    }
}

fn block(size: i32) -> Result<usize, Fault> {
    let size = usize::try_from(size).ok().filter(|size| (1..1 << 15).contains(size));
    size.ok_or_else(|| Fault::wrong("a block size below 1 or too large", "a whole number from 1 up"))
}
