//! Looks at many things on all cores and shows them in their order, each as soon as those before it are shown.

use std::collections::BTreeMap;
use std::io;
use std::num::NonZero;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::mpsc::sync_channel;
use std::thread::{available_parallelism, scope};

/// More threads than this are never worth their start.
const MOST: usize = 16;

/// Calls `look` with each item, on several threads, and `show` with what came of it, in order, on this one; and
/// `looked_at`, here as well, with how many it has looked at so far, whether or not they could be shown already.
///
/// # Errors
/// The first error of `show`; what was not begun by then is left out.
pub(super) fn at_once<I, S>(
    items: &[I],
    look: impl Fn(&I) -> S + Sync,
    mut show: impl FnMut(&I, S) -> io::Result<()>,
    looked_at: impl Fn(usize),
) -> io::Result<()>
where
    I: Sync,
    S: Send,
{
    let threads = available_parallelism().map_or(1, NonZero::get).min(MOST).min(items.len());
    let (next, stopped) = (AtomicUsize::new(0), AtomicBool::new(false));
    scope(|scope| {
        // A place for each: the fast ones wait for a slow one before them, not the other way round.
        let (tell, told) = sync_channel(items.len().max(1));
        for _ in 0..threads {
            let (tell, look, next, stopped) = (tell.clone(), &look, &next, &stopped);
            scope.spawn(move || {
                while !stopped.load(Ordering::Relaxed) {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(item) = items.get(index) else { break };
                    if tell.send((index, look(item))).is_err() {
                        break;
                    }
                }
            });
        }
        drop(tell);
        let (mut early, mut shown) = (BTreeMap::new(), 0);
        for (index, seen) in told {
            early.insert(index, seen);
            while let Some(seen) = early.remove(&shown) {
                if let Err(error) = show(&items[shown], seen) {
                    stopped.store(true, Ordering::Relaxed);
                    return Err(error);
                }
                shown += 1;
            }
            looked_at(shown + early.len());
        }
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use std::cell::RefCell;

    use super::*;

    #[test]
    fn everything_is_shown_once_and_in_order_and_counted_as_it_comes() {
        let items: Vec<u64> = (0..500).collect();
        let (mut shown, counted) = (Vec::new(), RefCell::new(Vec::new()));
        let squared = |n: &u64| n * n;
        let show = |n: &u64, square| {
            shown.push((*n, square));
            Ok(())
        };
        at_once(&items, squared, show, |count| counted.borrow_mut().push(count)).unwrap();
        assert_eq!(shown, items.iter().map(|n| (*n, n * n)).collect::<Vec<_>>());
        assert_eq!(counted.into_inner(), (1..=500).collect::<Vec<_>>());
        at_once(&[], squared, |_, _| Ok(()), |_| {}).unwrap();
    }

    #[test]
    fn an_error_ends_it() {
        let items: Vec<u64> = (0..500).collect();
        let mut shown = 0;
        let show = |_: &u64, _| {
            shown += 1;
            if shown == 3 { Err(io::ErrorKind::BrokenPipe.into()) } else { Ok(()) }
        };
        assert!(at_once(&items, |n| *n, show, |_| {}).is_err());
        assert_eq!(shown, 3);
    }
}
