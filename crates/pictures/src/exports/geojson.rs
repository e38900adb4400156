//! GeoJSON: a feature for each segment.

use segmentation::{Corner, Polygon, ring_area};
use serde::Serialize;

use super::SegmentExport;

/// A collection of features.
///
/// # Conventions
/// Coordinates are pixels: x from the left edge, y downwards from the top edge. Outer rings have a positive area in these
/// coordinates, holes a negative one, as RFC 7946 asks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GeoJson {
    /// `FeatureCollection`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// A segment each.
    pub features: Vec<GeoJsonFeature>,
}

/// A segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GeoJsonFeature {
    /// `Feature`.
    #[serde(rename = "type")]
    pub kind: &'static str,
    /// Number and area.
    pub properties: GeoJsonProperties,
    /// Its outlines.
    pub geometry: GeoJsonGeometry,
}

/// Number and area of a segment.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GeoJsonProperties {
    /// Its number.
    pub label: u32,
    /// Its number of pixels.
    pub area: u64,
}

/// The outlines of a segment. Of each polygon the outer ring, then its holes; a ring ends with its first corner.
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "type", content = "coordinates")]
pub enum GeoJsonGeometry {
    /// Of a connected segment.
    Polygon(Vec<Vec<Corner>>),
    /// Of one in several parts.
    MultiPolygon(Vec<Vec<Vec<Corner>>>),
}

pub(super) fn features(export: &SegmentExport<'_>) -> GeoJson {
    let features = export.polygons().map(|(_, label, polygons)| {
        let rings = polygons.iter().flat_map(rings);
        let area: f64 = rings.map(|ring| ring_area(ring)).sum();
        let mut closed: Vec<Vec<Vec<Corner>>> = polygons.iter().map(closed_rings).collect();
        let geometry = if closed.len() == 1 {
            GeoJsonGeometry::Polygon(closed.swap_remove(0))
        } else {
            GeoJsonGeometry::MultiPolygon(closed)
        };
        GeoJsonFeature {
            kind: "Feature",
            properties: GeoJsonProperties {
                label,
                area: area as u64,
            },
            geometry,
        }
    });
    GeoJson {
        kind: "FeatureCollection",
        features: features.collect(),
    }
}

fn rings(polygon: &Polygon) -> impl Iterator<Item = &Vec<Corner>> {
    std::iter::once(&polygon.outer).chain(&polygon.holes)
}

fn closed_rings(polygon: &Polygon) -> Vec<Vec<Corner>> {
    let closed = |ring: &Vec<Corner>| ring.iter().chain(ring.first()).copied().collect();
    rings(polygon).map(closed).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::exports::tests::map;

    #[test]
    fn features_by_hand() {
        let labels = map();
        let found = SegmentExport::new("a.jpg", &labels, 3, true).geojson();
        let text = |place: usize| serde_json::to_string(&found.features[place]).unwrap();
        assert_eq!(
            text(0),
            r#"{"type":"Feature","properties":{"label":1,"area":8},"geometry":{"type":"Polygon","coordinates":[[[0,0],[3,0],[3,3],[0,3],[0,0]],[[1,2],[2,2],[2,1],[1,1],[1,2]]]}}"#
        );
        assert_eq!(
            text(1),
            r#"{"type":"Feature","properties":{"label":2,"area":2},"geometry":{"type":"MultiPolygon","coordinates":[[[[3,0],[4,0],[4,1],[3,1],[3,0]]],[[[3,2],[4,2],[4,3],[3,3],[3,2]]]]}}"#
        );
        assert_eq!((found.kind, found.features.len()), ("FeatureCollection", 3));
    }
}
