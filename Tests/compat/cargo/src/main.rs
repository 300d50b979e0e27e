fn main() -> std::io::Result<()> {
    let names: Vec<String> = std::env::args().skip(1).collect();
    for (name, lines) in tally::count(&names)? {
        println!("{name} {}", lines > 10);
    }
    Ok(())
}
