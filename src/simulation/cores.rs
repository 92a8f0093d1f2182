//! Rehearsals side by side: they share nothing.

use std::{num::NonZero, panic, sync::Mutex, thread};

/// Does the work of every item, on as many threads as there are cores; answers in the order of the items.
pub fn on_all_cores<T: Send, R: Send>(
    items: impl Iterator<Item = T> + Send,
    work: impl Fn(T) -> R + Sync,
) -> Vec<R> {
    let cores = thread::available_parallelism().map_or(1, NonZero::get);
    let queue = Mutex::new(items.enumerate());
    // A poisoned queue means that making an item panicked: the panic itself is passed on below.
    let next = || queue.lock().ok().and_then(|mut items| items.next());
    let worker = || {
        let mut done = Vec::new();
        while let Some((place, item)) = next() {
            done.push((place, work(item)));
        }
        done
    };
    let mut all: Vec<(usize, R)> = thread::scope(|scope| {
        let workers: Vec<_> = (0..cores).map(|_| scope.spawn(worker)).collect();
        workers
            .into_iter()
            .flat_map(|worker| worker.join().unwrap_or_else(|why| panic::resume_unwind(why)))
            .collect()
    });
    all.sort_by_key(|(place, _)| *place);
    all.into_iter().map(|(_, answer)| answer).collect()
}

#[cfg(test)]
mod tests {
    use super::on_all_cores;

    #[test]
    fn answers_keep_the_order_of_the_items() {
        let answers = on_all_cores(0..1_000_u64, |number| {
            // The first take longest.
            std::thread::sleep(std::time::Duration::from_micros((1_000 - number) / 10));
            number
        });
        assert_eq!(answers, (0..1_000).collect::<Vec<u64>>());
    }

    #[test]
    #[should_panic = "of the work"]
    fn a_panic_of_the_work_is_passed_on() {
        on_all_cores(0..3, |_| panic!("of the work"));
    }
}
