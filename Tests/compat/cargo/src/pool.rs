use std::{sync::mpsc, sync::Arc, sync::Mutex, thread};

/// Calls `work` with each item, in `size` threads.
pub fn each<T, F>(items: Vec<T>, size: usize, work: F)
where
    T: Send + 'static,
    F: Fn(T) + Send + Sync + 'static,
{
    let (sender, receiver) = mpsc::channel();
    let (receiver, work) = (Arc::new(Mutex::new(receiver)), Arc::new(work));
    let threads: Vec<_> = (0..size)
        .map(|_| {
            let (receiver, work) = (Arc::clone(&receiver), Arc::clone(&work));
            thread::spawn(move || loop {
                let item = receiver.lock().unwrap().recv();
                match item {
                    Ok(item) => work(item),
                    Err(_) => break,
                }
            })
        })
        .collect();
    for item in items {
        sender.send(item).unwrap();
    }
    drop(sender);
    for thread in threads {
        thread.join().unwrap();
    }
}
