//! Compiles a model into a folder: `emit MODEL TARGET DIR`.
#![allow(clippy::print_stdout, reason = "an example is a program")]

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let [model, target, dir] = args.as_slice() else { return Err("expected MODEL TARGET DIR".into()) };
    let imported = formats::import(model, &formats::ImportOptions::default())?;
    let target = targets::named(target).ok_or("no such target")?;
    let start = std::time::Instant::now();
    let compiled = nasc_compile::compile(&imported.graph, target, &nasc_compile::Options::default())?;
    let time = start.elapsed();
    std::fs::create_dir_all(dir)?;
    for file in &compiled.files {
        std::fs::write(std::path::Path::new(dir).join(&file.name), &file.text)?;
    }
    std::fs::write(std::path::Path::new(dir).join("manifest.json"), compiled.manifest_text())?;
    println!("arena {} B, {time:?}", compiled.planned.plan.arena_bytes);
    Ok(())
}
