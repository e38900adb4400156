//! Images and categories as the evaluation of detections knows them.

use crate::dataset::{RawCategory, RawImage, placeholder_name};
use crate::error::Size;
use crate::id::Id;

/// Longest side of an image: its pixels are still counted in 32 bits, as run lengths are.
pub(super) const LONGEST_SIDE: u64 = 65_535;

pub(super) struct ListedImage {
    pub id: Id,
    /// Width and height, where both are listed and can be counted; the field and what is found there otherwise.
    pub size: Result<Size, (&'static str, String)>,
}

pub(super) struct ListedCategory {
    pub id: Id,
    pub name: String,
}

impl From<(Id, RawImage)> for ListedImage {
    fn from((id, raw): (Id, RawImage)) -> Self {
        let side = |field, side: Option<u64>| match side {
            Some(pixels) if (1..=LONGEST_SIDE).contains(&pixels) => Ok(pixels as u32),
            Some(pixels) => Err((field, pixels.to_string())),
            None => {
                let odd = raw.odd.iter().find(|odd| odd.field == field);
                Err((
                    field,
                    odd.map_or("none".to_owned(), |odd| odd.found.to_string()),
                ))
            }
        };
        let size = side("width", raw.width)
            .and_then(|width| Ok((width, side("height", raw.height)?)))
            .map(|(width, height)| Size { width, height });
        Self { id, size }
    }
}

impl From<(Id, RawCategory)> for ListedCategory {
    fn from((id, raw): (Id, RawCategory)) -> Self {
        let name = raw.name.filter(|name| !name.is_empty());
        Self {
            name: name.unwrap_or_else(|| placeholder_name(&id)),
            id,
        }
    }
}
