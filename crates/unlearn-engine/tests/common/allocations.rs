//! An allocator that remembers the largest single request, of all threads, and stops a program that asks for too much.

use std::alloc::{GlobalAlloc, Layout, System};
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

/// To be made the `#[global_allocator]`.
pub struct Counting;

static LARGEST: AtomicUsize = AtomicUsize::new(0);
static LIMIT: AtomicUsize = AtomicUsize::new(usize::MAX);

/// What `run` returns, and the largest single request while it ran.
pub fn largest<T>(run: impl FnOnce() -> T) -> (T, usize) {
    LARGEST.store(0, Relaxed);
    let result = run();
    (result, LARGEST.load(Relaxed))
}

/// Runs with a limit on single requests; one above it ends the process with a message.
#[allow(dead_code, reason = "for fuzz targets, where an input has to be found out while it runs")]
pub fn within<T>(limit: usize, run: impl FnOnce() -> T) -> T {
    LIMIT.store(limit, Relaxed);
    let result = run();
    LIMIT.store(usize::MAX, Relaxed);
    result
}

fn record(size: usize) {
    LARGEST.fetch_max(size, Relaxed);
    let limit = LIMIT.load(Relaxed);
    if size > limit {
        LIMIT.store(usize::MAX, Relaxed);
        let trace = std::backtrace::Backtrace::force_capture();
        eprintln!("a single request for {size} bytes, and {limit} are allowed\n{trace}");
        std::process::abort();
    }
}

// SAFETY: every call goes to the system's allocator as it came.
#[allow(unsafe_code)]
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        record(layout.size());
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        unsafe { System.dealloc(pointer, layout) }
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        record(layout.size());
        unsafe { System.alloc_zeroed(layout) }
    }

    unsafe fn realloc(&self, pointer: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        record(size);
        unsafe { System.realloc(pointer, layout, size) }
    }
}
