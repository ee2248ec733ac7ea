fn main() {
    for p in std::env::args().skip(1) {
        match nasc_formats::import(&p, &Default::default()) {
            Ok(i) => {
                println!("{}", i.graph.to_text());
                for n in i.notices {
                    println!("// {n}");
                }
                for f in ir::verify(&i.graph) {
                    println!("VERIFY {f:?}");
                }
            }
            Err(e) => println!("{p}: {e}"),
        }
    }
}
