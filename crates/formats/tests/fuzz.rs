//! Readers on broken files: thousands of seeded mutations of real ones must be refused or read, without a panic, within the
//! memory that is stated. What is read must verify.

use std::alloc::{GlobalAlloc, Layout, System};
use std::path::PathBuf;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use bytes::Bytes;
use nasc_formats::{CONSTANT_FACTOR, CONSTANT_SLACK, ImportOptions, npy, onnx, tflite};

/// Counts the bytes that are allocated, and the most there were.
struct Counting;
static NOW: AtomicUsize = AtomicUsize::new(0);
static PEAK: AtomicUsize = AtomicUsize::new(0);

#[allow(unsafe_code, reason = "an allocator is unsafe by its trait; this one counts and passes on")]
// SAFETY: every call goes to the system's allocator unchanged.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        let now = NOW.fetch_add(layout.size(), Relaxed) + layout.size();
        PEAK.fetch_max(now, Relaxed);
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.alloc(layout) }
    }
    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        NOW.fetch_sub(layout.size(), Relaxed);
        // SAFETY: the caller's contract is the system allocator's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// splitmix64.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let z = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    fn below(&mut self, n: usize) -> usize {
        (self.next() % n.max(1) as u64) as usize
    }
}

/// One to four changes: bits, bytes, words of note, a cut, a part doubled or dropped.
fn mutated(file: &[u8], random: &mut Random) -> Bytes {
    let mut out = file.to_vec();
    for _ in 0..1 + random.below(4) {
        if out.is_empty() {
            break;
        }
        // Tables stand at the beginning or at the end, weights between them.
        let near = out.len().min(2048);
        let at = match random.below(3) {
            0 => random.below(near),
            1 => out.len() - 1 - random.below(near),
            _ => random.below(out.len()),
        };
        match random.below(8) {
            0 => out[at] ^= 1 << random.below(8),
            1 | 2 => out[at] = random.next() as u8,
            3 | 4 => {
                const WORDS: [u32; 8] =
                    [0, 1, 0x7f, 0xff, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff, 0x7fc0_0000];
                let word = WORDS[random.below(WORDS.len())].to_le_bytes();
                let end = out.len().min(at + 4);
                out[at..end].copy_from_slice(&word[..end - at]);
            }
            5 => out.truncate(at),
            6 => {
                let end = out.len().min(at + 1 + random.below(64));
                let part = out[at..end].to_vec();
                out.splice(at..at, part);
            }
            _ => {
                let end = out.len().min(at + 1 + random.below(64));
                out.drain(at..end);
            }
        }
    }
    out.into()
}

fn models() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../tests/models")
}

fn read(name: &str) -> Vec<u8> {
    std::fs::read(models().join(name)).expect(name)
}

/// Reads `count` mutations of a file; the most memory one took is checked against what is stated for its size.
fn survives(name: &str, count: usize, factor: usize, slack: usize, one: impl Fn(&Bytes)) {
    let file = read(name);
    let mut random = Random(0x6e61_7363 ^ name.len() as u64);
    for i in 0..count {
        let broken = mutated(&file, &mut random);
        let before = NOW.load(Relaxed);
        PEAK.store(before, Relaxed);
        one(&broken);
        let took = PEAK.load(Relaxed).saturating_sub(before);
        let allowed = factor * broken.len() + slack;
        assert!(took <= allowed, "{name}, mutation {i}: {took} bytes taken for {} of file", broken.len());
    }
}

fn verified(imported: Result<nasc_formats::Imported, nasc_formats::ImportError>) {
    match imported {
        Ok(imported) => {
            let findings = ir::verify(&imported.graph);
            assert!(findings.is_empty(), "{findings:?}");
            // Whatever a file calls its tensors, the text form says it and reads it back.
            let text = imported.graph.to_text();
            let back = ir::parse(&text, &ir::NoWeights).unwrap_or_else(|e| panic!("{e:?}\n{text}"));
            assert_eq!(back.to_text(), text);
        }
        // Messages are made too.
        Err(error) => drop(error.to_string()),
    }
}

/// The text form and its weights, one of them mutated.
fn text_and_weights(options: &ImportOptions) {
    let dir = tempfile::tempdir().expect("a temporary folder");
    let path = dir.path().join("m.nasc");
    let graph =
        nasc_formats::import(models().join("made/qdq_int4_blocks.onnx"), options).expect("imported").graph;
    nasc_formats::nasc::save(&graph, &path).expect("saved");
    let mut random = Random(3);
    for part in [path.clone(), path.with_extension("safetensors")] {
        let sound = std::fs::read(&part).expect("saved");
        for _ in 0..400 {
            std::fs::write(&part, mutated(&sound, &mut random)).expect("written");
            verified(nasc_formats::import(&path, options));
        }
        std::fs::write(&part, &sound).expect("written");
    }
}

// One test, so that no other thread's memory is counted.
#[test]
fn mutations_of_real_files_are_refused_or_read_within_bounded_memory() {
    let options = ImportOptions::default();
    // Constants that are made, tables and graph nodes.
    let factor = CONSTANT_FACTOR + tflite::MEMORY_FACTOR + onnx::MEMORY_FACTOR;
    let slack = CONSTANT_SLACK + (1 << 20);
    for (name, count) in [("kws_dscnn_int8.tflite", 1500), ("kws_dscnn_f32.tflite", 500)] {
        survives(name, count, factor, slack, |file| verified(tflite::import(file, &options)));
    }
    text_and_weights(&options);
    let mut small = Vec::new();
    for entry in std::fs::read_dir(models().join("made")).expect("carried models") {
        let name = entry.expect("an entry").file_name().into_string().expect("a plain name");
        small.push(format!("made/{name}"));
    }
    small.sort();
    for name in small {
        if name.ends_with(".onnx") {
            survives(&name, 400, factor, slack, |file| verified(onnx::import(file, None, &options)));
        } else if name.ends_with(".tflite") {
            survives(&name, 200, factor, slack, |file| verified(tflite::import(file, &options)));
        } else if name.ends_with(".npz") {
            let factor = 2 * npy::NPZ_MEMORY_FACTOR as usize;
            survives(&name, 60, factor, 1 << 20, |file| drop(npy::parse_npz(file)));
        }
    }
}
