//! Counts lines in several threads.
mod pool;

use std::{fs, io, sync::Arc, sync::Mutex};

include!(concat!(env!("OUT_DIR"), "/made.rs"));

/// The number of lines of each file, in the order of the names.
///
/// ```
/// assert!(tally::count(&["/nowhere".to_string()]).is_err());
/// ```
pub fn count(names: &[String]) -> io::Result<Vec<(String, usize)>> {
    let results = Arc::new(Mutex::new(Vec::new()));
    let shared = Arc::clone(&results);
    pool::each(names.to_vec(), SIZE, move |name| {
        let lines = fs::read_to_string(&name).map(|text| text.lines().count());
        shared.lock().unwrap().push((name, lines));
    });
    let mut found = Vec::new();
    for (name, lines) in results.lock().unwrap().drain(..) {
        found.push((name, lines?));
    }
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    #[test]
    fn counts_nothing() {
        assert!(super::count(&[]).unwrap().is_empty());
    }

    #[test]
    #[should_panic]
    fn panics_unwind() {
        super::count(&["/nowhere".into()]).unwrap();
    }
}
