//! The library without the command line: a training that its observer stops, resumed, measured and drawn.

use std::fs;
use std::path::Path;

use experiments::evaluate::{ClassificationSettings, classification};
use experiments::recipe::RegionRecipe;
use experiments::train::{O2pSettings, RunSettings, Trained, o2p};
use experiments::{Observer, ReportSettings, Shown, report};
use image::{Rgb, RgbImage};

const RECIPE: &str = r#"
[model]
descriptors = "sift"
side = 48
masked = true
pooling = "average"

[regions]
views = 1

[training]
epochs = 3
batch = 2
"#;

/// Two photographs of two striped squares, in COCO's layout, as both splits.
fn write_coco(root: &Path) {
    for folder in ["annotations", "images"] {
        fs::create_dir_all(root.join(folder)).unwrap();
    }
    let (mut images, mut annotations) = (Vec::new(), Vec::new());
    for id in 0..2 {
        let photograph = RgbImage::from_fn(96, 64, |x, y| {
            let along = if x < 48 { x } else { y };
            Rgb([if along / 4 % 2 == 0 { 220 } else { 30 }, 90, 20 * id])
        });
        photograph
            .save(root.join(format!("images/{id}.png")))
            .unwrap();
        images.push(format!(
            r#"{{"id": {id}, "file_name": "{id}.png", "width": 96, "height": 64}}"#
        ));
        for (side, category) in [(0, 3), (1, 7)] {
            let (left, right) = (4 + 48 * side, 44 + 48 * side);
            annotations.push(format!(
                r#"{{"id": {}, "image_id": {id}, "category_id": {category}, "iscrowd": 0, "area": 1600,
                    "bbox": [{left}, 10, 40, 40], "segmentation": [[{left}, 10, {right}, 10, {right}, 50, {left}, 50]]}}"#,
                2 * u32::from(id) + side + 1
            ));
        }
    }
    let text = format!(
        r#"{{"images": [{}], "annotations": [{}],
            "categories": [{{"id": 3, "name": "upright"}}, {{"id": 7, "name": "level"}}]}}"#,
        images.join(","),
        annotations.join(",")
    );
    for split in ["train", "val"] {
        let path = root.join(format!("annotations/instances_{split}.json"));
        fs::write(path, &text).unwrap();
    }
}

/// Collects all messages and progress, and stops a training after so many steps.
#[derive(Default)]
struct Collected {
    messages: Vec<String>,
    lines: Vec<String>,
    open_jobs: usize,
    steps_left: Option<usize>,
}

impl Observer for Collected {
    fn message(&mut self, line: &str) {
        self.messages.push(line.to_owned());
    }

    fn begin(&mut self, _: &'static str, _: u64) {
        self.open_jobs += 1;
    }

    fn advance(&mut self, done: u64, note: &dyn Fn() -> String) -> Shown {
        self.lines.push(format!("{done}: {}", note()));
        Shown::Line
    }

    fn end(&mut self) {
        self.open_jobs -= 1;
    }

    fn stops(&mut self) -> bool {
        self.steps_left = self.steps_left.map(|steps| steps.saturating_sub(1));
        self.steps_left == Some(0)
    }
}

#[test]
fn a_training_is_stopped_resumed_measured_and_drawn() {
    let folder = tempfile::tempdir().unwrap();
    write_coco(folder.path());
    let run = folder.path().join("run");
    let mut settings = O2pSettings {
        name: "a small recipe".to_owned(),
        recipe: RegionRecipe::decode("test", RECIPE).unwrap(),
        data: folder.path().to_path_buf(),
        split: "train".to_owned(),
        run: RunSettings::from_scratch(&run),
        cache: None,
        strict: false,
    };
    let mut observer = Collected {
        steps_left: Some(2),
        ..Collected::default()
    };
    let stopped = o2p(&settings, &mut observer).unwrap();
    assert!(
        matches!(stopped, Trained::Stopped { step: 2 }),
        "{stopped:?}"
    );
    assert!(
        observer
            .messages
            .iter()
            .any(|line| line.contains("4 regions"))
    );
    assert!(observer.lines.iter().any(|line| line.contains("regions/s")));

    let again = o2p(&settings, &mut ()).unwrap_err();
    assert!(again.is_setting(), "{again}");
    settings.run.resume = true;
    let mut observer = Collected::default();
    let finished = o2p(&settings, &mut observer).unwrap();
    assert!(matches!(finished, Trained::Finished { .. }));
    let resumed = "resuming after step 2 of 6".to_owned();
    assert!(
        observer.messages.contains(&resumed),
        "{:?}",
        observer.messages
    );
    assert_eq!(observer.open_jobs, 0);

    let asked = ClassificationSettings::new(&run, folder.path());
    let measured = classification(&asked, &mut ()).unwrap();
    assert_eq!(measured.report.regions, 4);
    assert!(measured.to_string().contains("\ntop-1 error "));
    let page = report(&ReportSettings::new(&run), &mut ()).unwrap();
    assert!(fs::read_to_string(page).unwrap().contains("Confusion"));
}
