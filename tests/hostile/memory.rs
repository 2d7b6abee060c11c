//! How much memory a reader takes at most, as the allocator sees it.

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use callflow::check::{EnvMode, check};
use callflow::scenario::parse;
use callflow::source::SourceFile;

/// The system's allocator, counting for each thread what is taken and what was the most.
struct Counting;

thread_local! {
    static NOW: Cell<isize> = const { Cell::new(0) };
    static MOST: Cell<isize> = const { Cell::new(0) };
}

fn count(bytes: isize) {
    // While a thread ends there is nothing left to count with.
    let _ = NOW.try_with(|now| {
        now.set(now.get() + bytes);
        let _ = MOST.try_with(|most| most.set(most.get().max(now.get())));
    });
}

#[allow(clippy::cast_possible_wrap, reason = "no allocation is that large")]
// SAFETY: every call is handed on to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        count(layout.size() as isize);
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        count(-(layout.size() as isize));
        unsafe { System.dealloc(pointer, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

/// The most that was held at a time while this ran, beyond what was held before.
fn most<T>(run: impl FnOnce() -> T) -> usize {
    let before = NOW.get();
    MOST.set(before);
    drop(run());
    usize::try_from(MOST.get() - before).unwrap_or(0)
}

#[test]
fn the_counting_counts() {
    assert!(most(|| vec![0u8; 5_000_000]) >= 5_000_000);
    assert!(most(|| ()) < 1000);
}

/// 64 MB is far more than any flow takes, and far less than what would endanger a server that reads one again.
#[test]
fn no_file_makes_the_checker_take_much_memory() {
    for (what, text) in super::flows::attacks() {
        let source = SourceFile::new("x.yaml", text);
        let taken = most(|| check(&source, EnvMode::Unknown));
        assert!(taken < 64 << 20, "{what}: {} MB", taken >> 20);
        // The same where a test file is expected.
        let taken = most(|| parse(&source));
        assert!(taken < 64 << 20, "{what}, as tests: {} MB", taken >> 20);
    }
}
