//! Small hand-written artifacts that follow the contract, and the recipes they are tried on.
#![allow(
    unreachable_pub,
    dead_code,
    reason = "a module of several test programs, each of which uses a part of it"
)]

use std::fs;
use std::path::Path;

use hw::recipe::Recipe;
use nasc_validate::{Artifact, Element, Port, Run, random_inputs};
use tempfile::TempDir;

#[path = "../../../../targets/src/cortex_m4/recipe.rs"]
mod cortex_m4;
#[path = "../../../../targets/src/host_c/recipe.rs"]
mod host_c;
#[path = "../../../../targets/src/rv32imac/recipe.rs"]
mod rv32imac;

/// Elements of the hand-written models' inputs and outputs.
pub const N: usize = 300;

pub fn recipes() -> Vec<Recipe> {
    vec![host_c::recipe(), cortex_m4::recipe(), rv32imac::recipe()]
}

pub fn m4() -> Recipe {
    cortex_m4::recipe()
}

pub fn rv32() -> Recipe {
    rv32imac::recipe()
}

pub fn host() -> Recipe {
    host_c::recipe()
}

pub const HEADER: &str = "\
#include <stdint.h>
#define MODEL_ARENA_BYTES 1024u
extern int8_t *const model_in;
extern int8_t *const model_out;
int model_invoke(void);
";

/// Two ops: halve, then add a constant; `tail` stands before the end of `model_invoke`.
pub fn source(tail: &str) -> String {
    format!(
        "\
#include \"model.h\"
#define N 300
static _Alignas(8) uint8_t model_arena[MODEL_ARENA_BYTES];
int8_t *const model_in = (int8_t *)model_arena;
int8_t *const model_out = (int8_t *)(model_arena + 512);
extern const int8_t model_w[N];
#ifdef MARKS
void layer_mark(void);
#define MARK() layer_mark()
#else
#define MARK() (void)0
#endif
#ifdef NASC_TRACE
void model_trace(int op, const void *data, unsigned bytes);
#define TRACE(op, data, bytes) model_trace(op, data, bytes)
#else
#define TRACE(op, data, bytes) (void)0
#endif
static __attribute__((noinline)) void model_halve(int8_t *to, const int8_t *from) {{
    for (int i = 0; i < N; i++) {{ to[i] = (int8_t)(from[i] / 2); }}
}}
static __attribute__((noinline)) void model_add(int8_t *to, const int8_t *from) {{
    for (int i = 0; i < N; i++) {{ to[i] = (int8_t)(from[i] + model_w[i]); }}
}}
int model_invoke(void) {{
    model_halve(model_out, model_in);
    MARK();
    TRACE(0, model_out, N);
    model_add(model_out, model_out);
    MARK();
    TRACE(1, model_out, N);
    {tail}
    return 0;
}}
"
    )
}

/// What the model's second op adds to element `i`.
fn weight(i: usize) -> i8 {
    (i % 50) as i8
}

fn weights() -> String {
    let list: Vec<String> = (0..N).map(|i| weight(i).to_string()).collect();
    format!(
        "#include <stdint.h>\nextern const int8_t model_w[{N}];\nconst int8_t model_w[{N}] = {{{}}};\n",
        list.join(", ")
    )
}

pub fn halved(input: &[u8]) -> Vec<u8> {
    input.iter().map(|x| (*x as i8 / 2) as u8).collect()
}

pub fn expected(input: &[u8]) -> Vec<u8> {
    halved(input).iter().enumerate().map(|(i, x)| (*x as i8 + weight(i)) as u8).collect()
}

/// A folder with the hand-written model in it.
pub struct Folder {
    _dir: TempDir,
    pub artifact: Artifact,
}

pub fn folder(tail: &str) -> Folder {
    folder_of(HEADER, &source(tail))
}

pub fn folder_of(header: &str, source: &str) -> Folder {
    let dir = tempfile::tempdir().unwrap();
    write(dir.path(), "model.h", header);
    write(dir.path(), "model.c", source);
    write(dir.path(), "model_weights.c", &weights());
    let ports = |symbol| vec![Port::new(symbol, Element::I8, N)];
    let ops = vec!["halve".to_owned(), "add".to_owned()];
    let artifact = Artifact::new(dir.path(), "model", ports("model_in"), ports("model_out"), ops);
    Folder { _dir: dir, artifact }
}

pub fn write(dir: &Path, name: &str, text: &str) {
    fs::write(dir.join(name), text).unwrap();
}

/// `count` runs on random inputs with the right outputs.
pub fn runs(artifact: &Artifact, count: u64) -> Vec<Run> {
    (0..count)
        .map(|seed| {
            let inputs = random_inputs(&artifact.inputs, seed);
            let expected = Some(vec![expected(&inputs[0])]);
            Run { inputs, expected }
        })
        .collect()
}
