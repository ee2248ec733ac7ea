//! How many nests are costed in a second of this thread's processor time, fully: energy and latency of each.
//!
//! `evaluations [MACHINE]`: random tiles of one layer, costed one by one (`Model::count` and `Model::price` on tabulated loops) and as
//! the search does it (`Lanes`: the sixty-four order pairs of a tile choice at once).

use cost::nest::{Factors, Lanes, Model, Runs, Upper};
use hw::machine::{DIMS, Dim, Layer, Tensor};
use std::hint::black_box;
use std::time::Instant;

const TILES: usize = 512;
const TURNS: usize = 2_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let name = std::env::args().nth(1).unwrap_or_else(|| "e168".into());
    let machine = hw::machine::shipped(&name).ok_or("no such machine")??;
    let layer = Layer::new([1, 1, 128, 64, 28, 28, 3, 3], 1)?;
    let model = Model::new(&machine, &layer, [true, false, false]);
    let lanes = Lanes::new(&model);
    let mut state = 1u64;
    let mut draw = |below: u64| {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) % below + 1
    };
    let tiles: Vec<[Factors; DIMS]> = (0..TILES)
        .map(|_| {
            std::array::from_fn(|d| {
                let (pe, spatial) = (draw(layer.size[d].min(4)), draw(layer.size[d].min(4)));
                let buffer = pe * spatial * draw(4);
                Factors::new(layer.size[d], pe, spatial, buffer, &layer, machine.input_fetch)
            })
        })
        .collect();
    let mut runs = Runs { slide: Some(Dim::P), slide_buffer: Some(Dim::P), ..Runs::default() };
    let stays =
        Dim::ALL.iter().filter(|&&d| !Tensor::Weight.uses(d)).fold(0u8, |bits, &d| bits | 1 << d as u8);
    runs.of[Tensor::Weight as usize].inner = stays;

    let clock = Clock::start();
    let mut sum = 0.0;
    for _ in 0..TURNS {
        for f in &tiles {
            sum += model.price(&model.count(black_box(f), &runs, [1.0; 2])).edp();
        }
    }
    let one_by_one = (TURNS * TILES) as f64 / clock.seconds();

    let clock = Clock::start();
    for _ in 0..TURNS {
        for f in &tiles {
            let f = black_box(f);
            let steps: f64 = f.iter().map(|f| f.steps).product();
            let inner = lanes.inner(f, false, [false; 3], [1.0; 2]);
            let outer = lanes.outer(&Upper::of(f));
            let mut least = f64::INFINITY;
            for lane in 0..8 {
                let more = std::array::from_fn(|row| outer.rows[row][lane]);
                let longest = inner.longest(&lanes.linear, &more);
                for (energy, port) in inner.energy_pj.iter().zip(longest) {
                    let cycles = if port > steps { port } else { steps };
                    let edp = (lanes.linear.fixed_pj + energy + outer.energy_pj[lane]) * cycles;
                    least = if edp < least { edp } else { least };
                }
            }
            sum += least;
        }
    }
    let by_lanes = (64 * TURNS * TILES) as f64 / clock.seconds();
    black_box(sum);
    let text =
        format!("{name}: {one_by_one:.2e} one by one, {by_lanes:.2e} by lanes, nests costed a CPU second\n");
    std::io::Write::write_all(&mut std::io::stdout(), text.as_bytes())?;
    Ok(())
}

/// Processor time of this thread, or wall time.
struct Clock(Instant, Option<u64>);

impl Clock {
    fn start() -> Self {
        Self(Instant::now(), Self::nanoseconds())
    }

    fn nanoseconds() -> Option<u64> {
        std::fs::read_to_string("/proc/thread-self/schedstat").ok()?.split(' ').next()?.parse().ok()
    }

    fn seconds(&self) -> f64 {
        let used = Self::nanoseconds().zip(self.1).map(|(now, then)| (now - then) as f64 * 1e-9);
        used.unwrap_or_else(|| self.0.elapsed().as_secs_f64())
    }
}
