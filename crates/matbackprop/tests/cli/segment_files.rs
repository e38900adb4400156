//! Which photographs `segment` takes, and where its outputs lie: names that collide, outputs of earlier calls, folders,
//! odd names, standard input, interrupts. The first three tests are reports of users of other programs.

use std::path::Path;

use serde_json::Value;

use crate::call::{Called, matbackprop, names_in};
use crate::segment::{folder_with, photograph, size};

/// A folder with photographs of 60 × 40 pixels, in subfolders where their names have some.
pub fn folder_of(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        photograph(60, 40).save(path).unwrap();
    }
    folder
}

/// The photographs that an object of `--json` names under a key.
fn images(object: &Value, key: &str) -> Vec<String> {
    let entries = object[key].as_array().cloned().unwrap_or_default();
    let name = |entry: &Value| entry["image"].as_str().unwrap().to_owned();
    entries.iter().map(name).collect()
}

pub fn object(out: &str) -> Value {
    serde_json::from_str(out).unwrap()
}

#[test]
fn one_name_in_two_folders_gives_both_their_outputs() {
    let folder = folder_of(&["a/p.jpg", "b/p.jpg"]);
    matbackprop(&["segment", "a/p.jpg", "b/p.jpg", "-o", "out"])
        .inside(folder.path())
        .succeed();
    assert_eq!(names_in(&folder.path().join("out")), ["a", "b"]);
    for inner in ["out/a", "out/b"] {
        let names = names_in(&folder.path().join(inner));
        assert_eq!(names, ["p.overlay.png", "p.segments.png"]);
    }
}

#[test]
fn a_second_call_on_all_pictures_of_a_folder_does_the_photograph_again() {
    for options in [&[][..], &["--labels", "--contours", "--k", "3,6"][..]] {
        let folder = folder_of(&["p.png"]);
        let call = |names: &[String]| {
            matbackprop(&["segment"])
                .args(names)
                .args(options)
                .inside(folder.path())
                .call()
        };
        assert_eq!(call(&["p.png".into()]).code, 0);
        let after_one = names_in(folder.path());
        let before = std::fs::read(folder.path().join("p.png")).unwrap();
        // As a shell expands `*.png`.
        let Called { code, out, err } = call(&after_one);
        assert_eq!(code, 0, "{err}");
        assert_eq!(out.lines().count(), 1, "{out}");
        assert!(
            err.contains("passed over, an output of an earlier call"),
            "{err}"
        );
        assert_eq!(names_in(folder.path()), after_one);
        assert_eq!(std::fs::read(folder.path().join("p.png")).unwrap(), before);
    }
}

#[cfg(unix)]
#[test]
fn json_is_printed_where_a_name_is_not_utf_8() {
    use std::os::unix::ffi::OsStrExt as _;
    let folder = folder_of(&["p.jpg", "q.jpg"]);
    let odd = std::ffi::OsStr::from_bytes(b"bad\xff.jpg");
    let copy = folder.path().join(odd);
    if std::fs::copy(folder.path().join("p.jpg"), copy).is_err() {
        return; // a file system of UTF-8 names
    }
    let call = matbackprop(&["segment", "p.jpg", "q.jpg"]).args([odd]);
    let out = call
        .args(["-o", "out", "--json"])
        .inside(folder.path())
        .succeed();
    let object = object(&out);
    assert_eq!(
        images(&object, "images"),
        ["p.jpg", "q.jpg", "bad\u{fffd}.jpg"]
    );
    let bytes = object["images"][2]["image_bytes"].as_array().unwrap();
    let bytes: Vec<u64> = bytes.iter().map(|byte| byte.as_u64().unwrap()).collect();
    assert_eq!(bytes, b"bad\xff.jpg".map(u64::from));
    assert!(object["images"][0].get("image_bytes").is_none());
    // The names of the outputs are UTF-8.
    for image in object["images"].as_array().unwrap() {
        let overlay = image["segmentations"][0]["overlay"].as_str().unwrap();
        assert!(folder.path().join(overlay).is_file(), "{overlay}");
    }
}

#[test]
fn one_stem_with_two_ends_keeps_the_ends() {
    let folder = folder_of(&["a.jpg", "a.png"]);
    let out = matbackprop(&["segment", "a.jpg", "a.png", "-o", "out"])
        .inside(folder.path())
        .succeed();
    assert_eq!(
        names_in(&folder.path().join("out")),
        [
            "a.jpg.overlay.png",
            "a.jpg.segments.png",
            "a.png.overlay.png",
            "a.png.segments.png"
        ]
    );
    assert!(out.contains("a.jpg.overlay.png"), "{out}");
}

#[test]
fn one_file_given_twice_is_done_once() {
    let folder = folder_of(&["d/a.png"]);
    let call = [
        "segment",
        "d/a.png",
        "./d/a.png",
        "d",
        "-o",
        "out",
        "--json",
    ];
    let Called { code, out, err } = matbackprop(&call).inside(folder.path()).call();
    let object = object(&out);
    assert_eq!(
        (code, images(&object, "images")),
        (0, vec!["d/a.png".into()])
    );
    assert_eq!(images(&object, "passed_over"), ["./d/a.png", "d/a.png"]);
    assert!(err.contains("passed over, given twice"), "{err}");
}

#[test]
fn a_photograph_is_never_written_over() {
    // An output's name, but another picture: it stays, and is segmented.
    let folder = folder_with(&[("a.png", 60, 40), ("a.overlay.png", 40, 60)]);
    let before = std::fs::read(folder.path().join("a.overlay.png")).unwrap();
    matbackprop(&["segment", "a.png", "a.overlay.png"])
        .inside(folder.path())
        .succeed();
    let after = std::fs::read(folder.path().join("a.overlay.png")).unwrap();
    assert_eq!(before, after);
    assert_eq!(size(&folder.path().join("a-2.overlay.png")), (60, 40));
    assert_eq!(size(&folder.path().join("a.overlay.overlay.png")), (40, 60));
}

#[test]
fn odd_names_are_names() {
    let names = [
        "with space.png",
        "it's \"so\".png",
        "-dash.png",
        "é.PNG",
        "A.png",
        "a.png",
    ];
    let folder = folder_of(&names);
    let call = ["segment", "-o", "out", "--json", "--"];
    let out = matbackprop(&call)
        .args(names)
        .inside(folder.path())
        .succeed();
    assert_eq!(images(&object(&out), "images"), names);
    let written = names_in(&folder.path().join("out"));
    assert_eq!(written.len(), 12, "{written:?}");
    assert!(written.contains(&"-dash.overlay.png".into()));
}

#[cfg(unix)]
#[test]
fn a_name_of_two_lines_takes_one_line() {
    let folder = folder_of(&["two\nlines.png"]);
    let out = matbackprop(&["segment", "two\nlines.png", "-o", "out"])
        .inside(folder.path())
        .succeed();
    assert_eq!(out.lines().count(), 1, "{out}");
    assert!(out.starts_with("two\\nlines.png: 60 × 40"), "{out}");
}

#[test]
fn folders_are_taken_with_their_subfolders_if_asked() {
    let folder = folder_of(&["in/p.jpg", "in/x/p.jpg", "in/y/p.png", "in/.hidden.png"]);
    std::fs::write(folder.path().join("in/notes.txt"), "notes").unwrap();
    let call = |more: &[&str]| {
        let call = matbackprop(&["segment", "in", "--json"]).args(more);
        object(&call.inside(folder.path()).succeed())
    };
    let flat = call(&["-o", "flat"]);
    assert_eq!(images(&flat, "images"), ["in/p.jpg"]);
    // The outputs lie inside, and are not taken the second time.
    for _ in 0..2 {
        let deep = call(&["-r", "-o", "in/out"]);
        let expected = ["in/p.jpg", "in/x/p.jpg", "in/y/p.png"];
        assert_eq!(images(&deep, "images"), expected);
        for name in ["p", "x/p", "y/p"] {
            let path = folder.path().join(format!("in/out/{name}.overlay.png"));
            assert!(path.is_file(), "{name}");
        }
    }
    // Beside the photographs too.
    for _ in 0..2 {
        let beside = call(&["--recursive", "-o", "in", "--export", "masks"]);
        assert_eq!(images(&beside, "images").len(), 3);
    }
}

#[test]
fn an_empty_folder_is_named_and_the_others_done() {
    let folder = folder_of(&["a.png", "deep/er/b.png"]);
    std::fs::create_dir(folder.path().join("empty")).unwrap();
    let call = ["segment", "empty", "deep", "a.png", "-o", "out", "--json"];
    let Called { code, out, err } = matbackprop(&call).inside(folder.path()).call();
    let object = object(&out);
    assert_eq!((code, images(&object, "images")), (1, vec!["a.png".into()]));
    assert_eq!(images(&object, "failed"), ["empty", "deep"]);
    assert!(err.contains("error: empty: expected photographs"), "{err}");
    assert!(err.contains("--recursive"), "{err}");
}

#[test]
fn a_photograph_comes_from_standard_input() {
    let folder = folder_of(&["a.png"]);
    let bytes = std::fs::read(folder.path().join("a.png")).unwrap();
    let call = |bytes: &[u8]| {
        matbackprop(&["segment", "-", "-o", "out", "--json"])
            .inside(folder.path())
            .call_with_input(bytes)
    };
    let Called { code, out, err } = call(&bytes);
    assert_eq!(code, 0, "{err}");
    assert_eq!(images(&object(&out), "images"), ["-"]);
    let written = ["stdin.overlay.png", "stdin.segments.png"];
    assert_eq!(names_in(&folder.path().join("out")), written);
    // Beside a file of that name.
    std::fs::copy(folder.path().join("a.png"), folder.path().join("stdin.png")).unwrap();
    let called = matbackprop(&["segment", "-", "stdin.png", "-o", "two"])
        .inside(folder.path())
        .call_with_input(&bytes);
    assert_eq!(called.code, 0, "{}", called.err);
    let names = names_in(&folder.path().join("two"));
    assert_eq!(
        names,
        [
            "stdin.overlay.png",
            "stdin.png.overlay.png",
            "stdin.png.segments.png",
            "stdin.segments.png"
        ]
    );
    for wrong in [&b""[..], b"no picture", &bytes[..bytes.len() / 2]] {
        let Called { code, out, err } = call(wrong);
        assert_eq!(code, 1);
        assert_eq!(images(&object(&out), "failed"), ["-"]);
        assert!(err.contains("error: -: expected"), "{err}");
    }
}

#[test]
fn what_exists_is_skipped_if_asked_and_written_over_otherwise() {
    let folder = folder_of(&["a.png", "b.png"]);
    let call = |more: &[&str]| {
        let call = matbackprop(&["segment", "-o", "out", "--json"]).args(more);
        object(&call.inside(folder.path()).succeed())
    };
    call(&["a.png"]);
    let overlay = folder.path().join("out/a.overlay.png");
    std::fs::write(&overlay, "by hand").unwrap();
    let second = call(&["a.png", "b.png", "--skip-existing"]);
    assert_eq!(images(&second, "images"), ["b.png"]);
    assert_eq!(images(&second, "skipped"), ["a.png"]);
    assert_eq!(std::fs::read(&overlay).unwrap(), b"by hand");
    // Another file is asked for, so that not all exist.
    let third = call(&["a.png", "b.png", "--skip-existing", "--labels"]);
    assert_eq!(images(&third, "images").len(), 2);
    std::fs::write(&overlay, "by hand").unwrap();
    assert_eq!(images(&call(&["a.png", "--overwrite"]), "images").len(), 1);
    assert_eq!(size(&overlay), (60, 40));
}

#[cfg(unix)]
#[test]
fn an_interrupted_call_says_what_was_done_and_resumes() {
    let names: Vec<String> = (0..40).map(|i| format!("{i:02}.png")).collect();
    let folder = tempfile::tempdir().unwrap();
    for name in &names {
        photograph(300, 200).save(folder.path().join(name)).unwrap();
    }
    let call = || {
        let call = matbackprop(&["segment", "-o", "out", "--json"]);
        call.args(&names).inside(folder.path())
    };
    let child = call().start();
    let first = folder.path().join("out/00.segments.png");
    while !first.exists() {
        std::thread::sleep(std::time::Duration::from_millis(5));
    }
    let id = child.id().to_string();
    let sent = std::process::Command::new("kill")
        .args(["-INT", &id])
        .status();
    assert!(sent.unwrap().success());
    let Called { code, out, err } = Called::of(child.wait_with_output().unwrap());
    assert_eq!(code, 130, "{err}");
    let object = object(&out);
    let done = images(&object, "images");
    assert!((1..40).contains(&done.len()), "{}", done.len());
    let left = object["not_reached"].as_u64().unwrap() as usize;
    assert_eq!(done.len() + left, 40);
    assert!(
        err.contains("SIGINT") && err.contains("--skip-existing"),
        "{err}"
    );
    // Two whole files each, and nothing else.
    assert_eq!(names_in(&folder.path().join("out")).len(), 2 * done.len());
    let rest = call().args(["--skip-existing"]).succeed();
    let rest = self::object(&rest);
    assert_eq!(images(&rest, "skipped"), done);
    assert_eq!(names_in(&folder.path().join("out")).len(), 80);
}

#[test]
fn a_mask_of_another_size_or_without_white_stops_its_photograph_only() {
    let folder = folder_of(&["a.png", "b.png", "c.png"]);
    let masks = folder.path().join("masks");
    std::fs::create_dir(&masks).unwrap();
    let grey =
        |level: u8, width: u32| image::GrayImage::from_pixel(width, 40, image::Luma([level]));
    grey(255, 30).save(masks.join("a.png")).unwrap();
    grey(1, 60).save(masks.join("b.png.png")).unwrap();
    let call = [
        "segment", "a.png", "b.png", "c.png", "-o", "out", "--mask", "masks",
    ];
    let err = matbackprop(&call).inside(folder.path()).fail(1);
    for word in [
        "60 × 40 pixels, as the photograph has, found 30 × 40",
        "white",
        "c.png.png",
    ] {
        assert!(err.contains(word), "{word}: {err}");
    }
    grey(255, 60).save(masks.join("c.png")).unwrap();
    let Called { code, .. } = matbackprop(&call).inside(folder.path()).call();
    assert_eq!((code, names_in(&folder.path().join("out")).len()), (1, 2));
    let absent = ["segment", "a.png", "--mask", "absent.png"];
    let err = matbackprop(&absent).inside(folder.path()).fail(2);
    assert!(
        err.contains("--mask") && err.contains("absent.png"),
        "{err}"
    );
    assert!(Path::new(&folder.path().join("a.png")).is_file());
}

#[test]
fn masks_of_photographs_in_subfolders_lie_in_subfolders() {
    let folder = folder_of(&["p/a.png", "p/in/a.png"]);
    let masks = folder.path().join("masks/in");
    std::fs::create_dir_all(&masks).unwrap();
    let half = |left: bool| {
        image::GrayImage::from_fn(60, 40, |x, _| {
            image::Luma([255 * u8::from((x < 30) == left)])
        })
    };
    half(true).save(folder.path().join("masks/a.png")).unwrap();
    half(false).save(masks.join("a.png")).unwrap();
    let call = [
        "segment", "p", "-r", "-o", "out", "--mask", "masks", "--labels",
    ];
    matbackprop(&call).inside(folder.path()).succeed();
    for (name, kept) in [("a", 10), ("in/a", 50)] {
        let path = folder.path().join(format!("out/{name}.labels.png"));
        let labels = image::open(path).unwrap().to_luma16();
        let at = |x: u32| labels.get_pixel(x, 20).0[0];
        assert!(at(kept) > 0 && at(60 - kept) == 0, "{name}");
    }
}
