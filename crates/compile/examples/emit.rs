fn main() {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let imported = formats::import(&args[0], &Default::default()).unwrap();
    let target = targets::named(&args[1]).unwrap();
    let options = targets::EmitOptions { prefix: "model".into(), origin: "test".into() };
    let t = std::time::Instant::now();
    match nasc_compile::compile(&imported.graph, target, &options) {
        Ok(c) => {
            std::fs::create_dir_all(&args[2]).unwrap();
            for f in &c.files {
                std::fs::write(format!("{}/{}", args[2], f.name), &f.text).unwrap();
            }
            println!("arena {} in {:?}", c.plan.arena_bytes, t.elapsed());
        }
        Err(e) => {
            println!("{e}");
            if let nasc_compile::CompileError::Illegal(l) = e {
                for i in l {
                    println!("  {i}");
                }
            }
        }
    }
}
