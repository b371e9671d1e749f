//! Memory from the system: tensors come and go all the time, and most of what that costs is the system's handing out and
//! clearing of pages. Large ones are asked for in pages of two megabytes, and what was returned is kept for the next.

#![allow(unsafe_code)]

use std::alloc::{GlobalAlloc, Layout, System};

/// Allocations from so many bytes on get large pages.
const LARGE: usize = 1 << 20;

/// The system's allocator, with large pages for large allocations.
pub struct Pages;

// SAFETY: the system's allocator does all of it; advice on memory that it handed out changes no contents.
unsafe impl GlobalAlloc for Pages {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller keeps the rules of either.
        advised(unsafe { System.alloc(layout) }, layout.size())
    }

    unsafe fn alloc_zeroed(&self, layout: Layout) -> *mut u8 {
        // SAFETY: as above.
        advised(unsafe { System.alloc_zeroed(layout) }, layout.size())
    }

    unsafe fn dealloc(&self, at: *mut u8, layout: Layout) {
        // SAFETY: as above.
        unsafe { System.dealloc(at, layout) }
    }

    unsafe fn realloc(&self, at: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: as above.
        advised(unsafe { System.realloc(at, layout, size) }, size)
    }
}

#[cfg(target_os = "linux")]
fn advised(at: *mut u8, size: usize) -> *mut u8 {
    const PAGE: usize = 4096;
    let skipped = at.align_offset(PAGE);
    if size >= LARGE && !at.is_null() && skipped < size {
        let whole = (size - skipped) / PAGE * PAGE;
        // SAFETY: these pages belong to the allocation. A system that refuses leaves them as they are.
        unsafe { libc::madvise(at.add(skipped).cast(), whole, libc::MADV_HUGEPAGE) };
    }
    at
}

#[cfg(not(target_os = "linux"))]
fn advised(at: *mut u8, _: usize) -> *mut u8 {
    at
}

/// Lets the system's allocator keep what is returned to it, up to a gigabyte, but for the very largest allocations.
pub fn keep() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    // SAFETY: sets two numbers, before there are other threads.
    unsafe {
        libc::mallopt(libc::M_MMAP_THRESHOLD, 32 << 20);
        libc::mallopt(libc::M_TRIM_THRESHOLD, 1 << 30);
    }
}
