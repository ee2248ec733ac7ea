//! Zeros: work an element may skip, and words a run-length code saves.
//!
//! Plain shares and counts, for any machine that gates on zero operands or compresses what it sends outside; [`left`] applies them
//! to the accesses of a nest as the machine's description says.

use crate::nest::Breakdown;
use hw::machine::{Compression, Machine, Scheme, Tensor, Tier};

/// Share of accesses and work left to each part of an element that idles when its input is zero.
///
/// The input is read to learn that it is zero; the filter word is then not read, nothing is multiplied, and the sum stays where it is
/// (Eyeriss JSSC 2017, section V-E).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Gated {
    /// Multiply-accumulates.
    pub mac: f64,
    /// Reads of the input memory.
    pub input: f64,
    /// Reads of the filter memory.
    pub filter: f64,
    /// Reads and writes of the sum memory.
    pub sum: f64,
}

/// What is left when a share of the inputs, 0 to 1, is zero; shares outside are taken to the nearer end, no number as 0.
pub fn gate(zeros: f64) -> Gated {
    let left = 1.0 - share(zeros);
    Gated { mac: left, input: 1.0, filter: left, sum: left }
}

fn share(zeros: f64) -> f64 {
    if zeros.is_nan() { 0.0 } else { zeros.clamp(0.0, 1.0) }
}

/// A run-length code: a packet holds pairs of a count of zeros and the word that ends the run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunLength {
    /// Longest run a pair can say; a longer one continues after a zero sent as a word.
    pub longest_run: u32,
    /// Pairs of a packet.
    pub pairs: u32,
    /// Bits of a packet.
    pub packet_bits: u32,
}

impl RunLength {
    /// Three pairs of a 5-bit run and a 16-bit word, and one bit that ends the stream, in 64 bits (Eyeriss JSSC 2017, section V-B).
    pub const EYERISS: Self = Self { longest_run: 31, pairs: 3, packet_bits: 64 };

    /// Pairs that send a stream, counted word by word; a run that reaches the end takes a pair too.
    pub fn pairs_of<T: Copy + Default + PartialEq>(&self, words: &[T]) -> u64 {
        let (mut pairs, mut run) = (0, 0);
        for &word in words {
            if word == T::default() && run < self.longest_run {
                run += 1;
            } else {
                pairs += 1;
                run = 0;
            }
        }
        pairs + u64::from(run > 0)
    }

    /// Bits that send a stream, whole packets.
    pub fn bits_of<T: Copy + Default + PartialEq>(&self, words: &[T]) -> u64 {
        self.pairs_of(words).div_ceil(u64::from(self.pairs.max(1))) * u64::from(self.packet_bits)
    }

    /// Expected bits of `words` of which a share, 0 to 1, is zero, each independently of the others.
    ///
    /// A pair ends at the first word that is not zero or after the longest run: it covers `(1 - z^(longest + 1)) / (1 - z)` words.
    pub fn expected_bits(&self, words: f64, zeros: f64) -> f64 {
        let zeros = share(zeros);
        let reach = f64::from(self.longest_run) + 1.0;
        let covers = if zeros == 1.0 { reach } else { (1.0 - zeros.powf(reach)) / (1.0 - zeros) };
        words / covers / f64::from(self.pairs.max(1)) * f64::from(self.packet_bits)
    }

    /// Expected words of `word_bits` on the way outside, never more than the plain stream: a sender that would lengthen it does not
    /// compress.
    pub fn expected_words(&self, words: f64, zeros: f64, word_bits: u32) -> f64 {
        words.min(self.expected_bits(words, zeros) / f64::from(word_bits.max(1)))
    }
}

/// Accesses of a nest that remain once zeros are made use of.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Left {
    /// Words read and written; no longer whole numbers. Steps are as before: gating saves no time.
    pub accesses: Breakdown,
    /// Share of the multiply-accumulates.
    pub macs: f64,
}

/// What a machine saves by the options of its file, `zeros` being the share of zeros of each tensor, by [`Tensor`].
///
/// With `zero_gating` an element spares what [`gate`] says for zero inputs. A memory with a compression holds, reads and writes the
/// compressed words of the tensors it is said to compress; an entropy code saves nothing here, its ratio is unknown.
pub fn left(machine: &Machine, counted: &Breakdown, zeros: [f64; 3]) -> Left {
    let gated = gate(if machine.compute.zero_gating { zeros[Tensor::Input as usize] } else { 0.0 });
    let mut accesses = *counted;
    for tensor in Tensor::ALL {
        let at = tensor as usize;
        let spared = [gated.filter, gated.input, gated.sum][at];
        let element = &mut accesses.access[Tier::Element as usize][at];
        // Only accesses of multiply-accumulates are spared: a fill is not one.
        let macs = element.reads * (1.0 - spared);
        element.reads -= macs;
        if tensor == Tensor::Output {
            element.writes = (element.writes - macs).max(0.0);
        }
        for tier in [Tier::Backing, Tier::Buffer] {
            let memory = machine.holder(tier, tensor).map(|at| &machine.memories[at]);
            let packed = memory.and_then(|m| m.compression.as_ref().map(|c| (c, m.word_bits)));
            if let Some((compression, bits)) = packed.filter(|(c, _)| c.tensors[at]) {
                let share = packed_share(compression, zeros[at], bits);
                accesses.access[tier as usize][at].reads *= share;
                accesses.access[tier as usize][at].writes *= share;
            }
        }
    }
    Left { accesses, macs: gated.mac }
}

/// Expected words sent for each word held, at most 1.
fn packed_share(compression: &Compression, zeros: f64, word_bits: u64) -> f64 {
    let bits = u32::try_from(word_bits).unwrap_or(u32::MAX);
    match compression.scheme {
        Scheme::RunLength => {
            let run = compression.run_bits.min(31) as u32;
            let code =
                RunLength { longest_run: (1 << run) - 1, pairs: 1, packet_bits: run.saturating_add(bits) };
            code.expected_words(1.0, zeros, bits)
        }
        Scheme::Bitmask => (1.0 - share(zeros) + 1.0 / f64::from(bits.max(1))).min(1.0),
        Scheme::Entropy => 1.0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::nest::Access;
    use hw::machine::shipped;

    #[test]
    fn a_nest_on_the_chip_spares_what_its_file_says() {
        let machine = shipped("eyeriss-v1").unwrap().unwrap();
        let all = Access { reads: 1000.0, writes: 1000.0 };
        let counted = Breakdown { access: [[all; 3]; 3], steps: 7.0 };
        let zeros = [0.0, 0.75, 0.0];
        let Left { accesses, macs } = left(&machine, &counted, zeros);
        let [weight, input, output] = accesses.access[Tier::Element as usize];
        assert_eq!((macs, accesses.steps), (0.25, 7.0));
        assert_eq!(weight, Access { reads: 250.0, writes: 1000.0 });
        assert_eq!(input, all);
        assert_eq!(output, Access { reads: 250.0, writes: 250.0 });
        // 21 bits for each of a quarter of the words, and next to no run longer than 31.
        let [weight, input, output] = accesses.access[Tier::Backing as usize];
        assert_eq!((weight, output), (all, all));
        assert!((input.reads - 1000.0 * 0.25 * 21.0 / 16.0).abs() < 0.1, "{input:?}");
        assert_eq!(accesses.access[Tier::Buffer as usize], [all; 3]);
    }

    #[test]
    fn a_machine_without_options_spares_nothing() {
        let machine = shipped("w1024").unwrap().unwrap();
        let counted = Breakdown { access: [[Access { reads: 3.0, writes: 2.0 }; 3]; 3], steps: 1.0 };
        assert_eq!(left(&machine, &counted, [0.5; 3]), Left { accesses: counted, macs: 1.0 });
    }

    #[test]
    fn a_bit_mask_costs_a_bit_a_word() {
        let mask = Compression { scheme: Scheme::Bitmask, tensors: [true; 3], run_bits: 0 };
        assert_eq!(packed_share(&mask, 0.5, 8), 0.625);
        assert_eq!(packed_share(&mask, 0.0, 8), 1.0);
        assert_eq!(packed_share(&Compression { scheme: Scheme::Entropy, ..mask }, 0.9, 8), 1.0);
    }

    #[test]
    fn runs_end_at_a_word_or_at_the_longest_run() {
        let code = RunLength { longest_run: 3, pairs: 1, packet_bits: 8 };
        // 0 0 5 | 7 | 0 0 0 0 (three zeros and a zero sent as a word) | 0 at the end
        assert_eq!(code.pairs_of(&[0, 0, 5, 7, 0, 0, 0, 0, 0]), 4);
        assert_eq!(code.bits_of(&[0, 0, 5, 7, 0, 0, 0, 0, 0]), 32);
        assert_eq!(code.pairs_of::<i16>(&[]), 0);
    }

    #[test]
    fn three_pairs_share_a_packet() {
        assert_eq!(RunLength::EYERISS.bits_of(&[1i16, 2, 3]), 64);
        assert_eq!(RunLength::EYERISS.bits_of(&[1i16, 2, 3, 4]), 128);
    }

    #[test]
    fn expected_bits_are_those_of_long_random_streams() {
        let code = RunLength::EYERISS;
        for zeros in [0.0, 0.3, 0.725, 0.95, 0.99] {
            let mut state = 1u64;
            let words = std::iter::repeat_with(|| {
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                i16::from((state >> 40) as f64 / f64::from(1u32 << 24) >= zeros)
            });
            let words: Vec<i16> = words.take(200_000).collect();
            let (found, expected) = (code.bits_of(&words) as f64, code.expected_bits(200_000.0, zeros));
            assert!((found / expected - 1.0).abs() < 0.02, "{zeros}: {found} counted, {expected} expected");
        }
    }

    #[test]
    fn all_zeros_and_none_are_the_ends() {
        let code = RunLength::EYERISS;
        assert_eq!(code.expected_bits(96.0, 1.0), 64.0);
        assert_eq!(code.expected_words(96.0, 0.0, 16), 96.0);
        assert_eq!(gate(1.0), Gated { mac: 0.0, input: 1.0, filter: 0.0, sum: 0.0 });
        assert_eq!(gate(f64::NAN), gate(0.0));
        assert_eq!(gate(2.0), gate(1.0));
    }
}
