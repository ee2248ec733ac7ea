//! tmp
fn main() {
    for l in "ABCDEFGHIJK".chars() {
        let t = std::fs::read_to_string(format!("/work/shared/data/minimalloc/{l}.1048576.csv")).unwrap();
        let p = nasc_mapping::memory::minimalloc::parse_csv(&t, Some(1048576)).unwrap();
        let t = std::time::Instant::now();
        let (s, n) = nasc_mapping::memory::experiment(&p, 1048576, 5_000_000);
        println!(
            "{l} {} {:.2}s   ",
            if s { n.to_string() } else { "-".to_string() },
            t.elapsed().as_secs_f64()
        );
    }
}
