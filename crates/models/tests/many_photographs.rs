//! The memory of many photographs is that of the largest.

use image::{Rgb, RgbImage};
use models::{CutArchitecture, DeepNcuts, HeadLayout, TreeSettings, TrunkKind, TrunkWeights};
use stats_alloc::{INSTRUMENTED_SYSTEM, StatsAlloc};

/// The system's allocator, counted.
#[global_allocator]
static ALLOCATIONS: &StatsAlloc<std::alloc::System> = &INSTRUMENTED_SYSTEM;

/// Width and height of the largest photograph.
const LARGEST: (u32, u32) = (240, 180);

/// Bytes that are allocated and not freed.
fn live() -> usize {
    let stats = ALLOCATIONS.stats();
    stats.bytes_allocated - stats.bytes_deallocated
}

fn photograph((width, height): (u32, u32)) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let disc = (x * 2 - width.min(x * 2)).pow(2) + (y * 2 - height.min(y * 2)).pow(2);
        let inside = disc < height.pow(2) / 4;
        Rgb([(x % 256) as u8, (y % 256) as u8, 200 * u8::from(inside)])
    })
}

#[test]
fn memory_does_not_grow_with_the_photographs() {
    let architecture = CutArchitecture::new(TrunkKind::Lite0, Some(HeadLayout::default()));
    let network = DeepNcuts::new(architecture, &TrunkWeights::Random, 5).unwrap();
    let see = |size| {
        let contours = network.contours(&photograph(size), &TreeSettings::default());
        drop(contours.unwrap());
        live()
    };
    // One thread: of several, each comes to its scratch when it first has work.
    let pool = rayon::ThreadPoolBuilder::new().num_threads(1).build();
    pool.unwrap().install(|| {
        let first = see(LARGEST);
        for number in 0..24 {
            let size = (LARGEST.0 - 7 * number % 150, LARGEST.1 - 11 * number % 120);
            let now = see(size);
            assert!(
                now <= first + (64 << 10),
                "{number}: {} KiB after {size:?}, {} after the first",
                now >> 10,
                first >> 10
            );
        }
    });
}
