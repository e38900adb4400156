//! Segmentations of spectral embeddings: every pool is a partition, in the order asked for, the same alone and together.

use faer::Mat;
use ncuts::Embedding;
use rand_pcg::Pcg32;
use rand_pcg::rand_core::Rng;
use segmentation::{
    Clustering, EmbeddingDimensions, EmbeddingScaling, Error, GridAxis, MinArea, SegmentOptions,
    connected_components, segmentation_pool,
};

const BOTH: [Clustering; 2] = [Clustering::KMeans, Clustering::Tree];

/// Quarters of a grid, a channel each.
fn quarters(width: usize, height: usize) -> Embedding {
    let features = Mat::from_fn(width * height, 4, |i, c| {
        let quarter =
            usize::from(i % width >= width / 2) + 2 * usize::from(i / width >= height / 2);
        if quarter == c {
            1.0 + (i % 3) as f64
        } else {
            0.0
        }
    });
    Embedding::from_features(features.as_ref(), None, width, height, 16).unwrap()
}

fn random(width: usize, height: usize, channels: usize, dimensions: usize, seed: u64) -> Embedding {
    let mut random = Pcg32::new(seed, 1);
    // Blobs with a tenth of the rows dead and a dead channel.
    let features = Mat::from_fn(width * height, channels, |i, c| {
        let blob = ((i % width) as f64 * 0.4 + c as f64).sin()
            * ((i / width) as f64 * 0.3 + 2.0 * c as f64).cos();
        let noise = f64::from(random.next_u32()) / f64::from(u32::MAX);
        if i % 10 == 7 || c == 1 {
            0.0
        } else {
            (blob + 0.5 * noise).max(0.0)
        }
    });
    Embedding::from_features(features.as_ref(), None, width, height, dimensions).unwrap()
}

#[test]
fn a_block_diagonal_affinity_gives_its_blocks_exactly() {
    let embedding = quarters(8, 6);
    for clustering in BOTH {
        let options = SegmentOptions::default()
            .with_cluster_counts([4])
            .with_clustering(clustering);
        let pool = segmentation_pool(&embedding, 80, 60, &options).unwrap();
        assert_eq!((pool[0].k, pool[0].clusters, pool[0].segments), (4, 4, 4));
        for y in 0_usize..60 {
            for x in 0_usize..80 {
                // Half a grid step beside the crossing of all four, the bilinear border may bend.
                if x.abs_diff(40) > 5 || y.abs_diff(30) > 5 {
                    let quarter = u32::from(x >= 40) + 2 * u32::from(y >= 30);
                    assert_eq!(pool[0].labels.at(x, y), quarter, "({x}, {y})");
                }
            }
        }
    }
}

#[test]
fn every_map_is_a_partition_into_large_connected_pieces() {
    for (seed, (width, height)) in [(9, 7), (16, 11), (1, 20), (12, 1)].into_iter().enumerate() {
        let embedding = random(width, height, 6, 8, seed as u64);
        for clustering in BOTH {
            for scaling in [EmbeddingScaling::Unit, EmbeddingScaling::SingularValue(1.0)] {
                let options = SegmentOptions::default()
                    .with_cluster_counts(1..=8)
                    .with_clustering(clustering)
                    .with_scaling(scaling)
                    .with_min_area(MinArea::Pixels(9));
                for segmentation in segmentation_pool(&embedding, 67, 45, &options).unwrap() {
                    let labels = &segmentation.labels;
                    assert_eq!(
                        connected_components(labels),
                        (labels.clone(), segmentation.segments)
                    );
                    let mut areas = vec![0; segmentation.segments];
                    labels.ids().iter().for_each(|id| areas[*id as usize] += 1);
                    assert!(areas.iter().all(|area| *area >= 9));
                }
            }
        }
    }
}

#[test]
fn the_order_is_that_of_the_counts_and_the_result_that_of_each_alone() {
    let embedding = random(14, 10, 7, 8, 4);
    for clustering in BOTH {
        let options = SegmentOptions::default()
            .with_cluster_counts([5, 2, 8, 3])
            .with_clustering(clustering)
            .with_dimensions(EmbeddingDimensions::Fixed(6));
        let pool = segmentation_pool(&embedding, 70, 50, &options).unwrap();
        assert_eq!(pool.iter().map(|s| s.k).collect::<Vec<_>>(), [5, 2, 8, 3]);
        assert_eq!(
            pool,
            segmentation_pool(&embedding, 70, 50, &options).unwrap()
        );
        for segmentation in &pool {
            let alone = segmentation_pool(
                &embedding,
                70,
                50,
                &options.clone().with_cluster_counts([segmentation.k]),
            )
            .unwrap();
            assert_eq!(alone[0], *segmentation);
        }
    }
}

#[test]
fn the_tree_gives_no_more_segments_than_asked_for() {
    let options = SegmentOptions::default()
        .with_clustering(Clustering::Tree)
        .with_min_area(MinArea::Pixels(40));
    for segmentation in segmentation_pool(&random(16, 12, 8, 16, 9), 128, 96, &options).unwrap() {
        assert_eq!(segmentation.clusters, segmentation.k);
        assert!(
            segmentation.segments <= segmentation.k + 2,
            "{} of {}",
            segmentation.segments,
            segmentation.k
        );
    }
}

#[test]
fn constant_features_and_a_single_pixel_give_one_segment() {
    let constant = Mat::from_fn(12, 3, |_, _| 1.0);
    let embedding = Embedding::from_features(constant.as_ref(), None, 4, 3, 8).unwrap();
    let pool = segmentation_pool(
        &embedding,
        40,
        30,
        &SegmentOptions::default().with_cluster_counts([2, 12]),
    )
    .unwrap();
    assert!(pool.iter().all(|s| (s.clusters, s.segments) == (1, 1)));
    let pixel =
        Embedding::from_features(Mat::from_fn(1, 2, |_, _| 1.0).as_ref(), None, 1, 1, 2).unwrap();
    for clustering in BOTH {
        let options = SegmentOptions::default()
            .with_cluster_counts([1])
            .with_clustering(clustering);
        assert_eq!(
            segmentation_pool(&pixel, 5, 5, &options).unwrap()[0].segments,
            1
        );
    }
}

#[test]
fn axes_move_the_border() {
    // Two columns of the grid; their border is midway between the pixels they lie at.
    let features = Mat::from_fn(2, 2, |i, c| f64::from(i == c));
    let embedding = Embedding::from_features(features.as_ref(), None, 2, 1, 2).unwrap();
    let border = |options: SegmentOptions| {
        let options = options
            .with_cluster_counts([2])
            .with_min_area(MinArea::Pixels(0));
        let pool = segmentation_pool(&embedding, 10, 1, &options).unwrap();
        let ids = pool[0].labels.ids().to_vec();
        ids.iter().filter(|id| **id == ids[0]).count()
    };
    assert_eq!(border(SegmentOptions::default()), 5);
    let row = GridAxis::spread(1, 1);
    let axis = GridAxis {
        positions: 2,
        stride: 4.0,
        offset: 0.5,
    };
    assert_eq!(border(SegmentOptions::default().with_axes(axis, row)), 3);
    for wrong in [
        GridAxis {
            positions: 3,
            ..axis
        },
        GridAxis {
            stride: 0.0,
            ..axis
        },
    ] {
        let options = SegmentOptions::default()
            .with_cluster_counts([2])
            .with_axes(wrong, row);
        assert!(segmentation_pool(&embedding, 10, 1, &options).is_err());
    }
}

#[test]
fn refuses_what_it_cannot_do() {
    let embedding = quarters(4, 4);
    let pool = |counts: Vec<usize>, width| {
        segmentation_pool(
            &embedding,
            width,
            9,
            &SegmentOptions::default().with_cluster_counts(counts),
        )
    };
    assert!(matches!(pool(vec![], 9), Err(Error::NoClusterCounts)));
    assert!(matches!(
        pool(vec![3, 0], 9),
        Err(Error::ClusterCount {
            clusters: 0,
            positions: 16
        })
    ));
    assert!(matches!(
        pool(vec![17], 9),
        Err(Error::ClusterCount {
            clusters: 17,
            positions: 16
        })
    ));
    assert!(matches!(
        pool(vec![2], 0),
        Err(Error::LabelMapShape {
            width: 0,
            height: 9,
            ..
        })
    ));
    let options = SegmentOptions::default().with_restarts(0);
    assert!(matches!(
        segmentation_pool(&embedding, 9, 9, &options),
        Err(Error::SegmentOption { .. })
    ));
}
