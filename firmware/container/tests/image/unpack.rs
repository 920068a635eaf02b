//! Image tars, honest and hostile, unpacked into a root folder. Needs root, to give files to others.

use crate::oci::{Layer, image_tar};
use container::image::{UnpackError, UnpackLimits, unpack, unpacked};
use std::{
    fs,
    os::unix::fs::{MetadataExt, symlink},
    path::PathBuf,
};
use tar::EntryType;
use tempfile::TempDir;

const BASE: u32 = 400_000;

/// A folder to unpack into, with a neighbour that nothing may touch.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        let place = Self(tempfile::tempdir().unwrap());
        fs::create_dir(place.outside()).unwrap();
        fs::write(place.outside().join("precious"), "gold").unwrap();
        place
    }

    fn outside(&self) -> PathBuf {
        self.0.path().join("outside")
    }

    fn image(&self) -> PathBuf {
        self.0.path().join("image")
    }

    fn root(&self) -> PathBuf {
        self.image().join("root")
    }

    fn unpack(&self, layers: Vec<Layer>) -> Result<(), UnpackError> {
        let layers: Vec<Vec<u8>> = layers.into_iter().map(Layer::tar).collect();
        unpack(image_tar(&layers).as_slice(), &self.image(), BASE, UnpackLimits::default()).map(drop)
    }

    fn refused(&self, layer: Layer) -> String {
        let error = self.unpack(vec![layer]).unwrap_err();
        assert!(!self.image().exists() && unpacked(&self.image(), BASE).is_none());
        let names = fs::read_dir(self.0.path()).unwrap().map(|entry| entry.unwrap().file_name());
        assert_eq!(names.collect::<Vec<_>>(), ["outside"], "nothing is left behind");
        self.assert_untouched();
        said(&error)
    }

    fn assert_untouched(&self) {
        let names: Vec<_> = fs::read_dir(self.outside()).unwrap().map(|e| e.unwrap().file_name()).collect();
        assert_eq!(names, ["precious"]);
        assert_eq!(fs::read_to_string(self.outside().join("precious")).unwrap(), "gold");
        assert_eq!(fs::metadata(self.outside().join("precious")).unwrap().nlink(), 1);
        assert_eq!(fs::metadata(self.outside()).unwrap().uid(), 0);
    }

    fn read(&self, path: &str) -> String {
        fs::read_to_string(self.root().join(path)).unwrap()
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.root().join(folder)).unwrap();
        let mut names: Vec<_> = entries.map(|e| e.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn said(error: &dyn std::error::Error) -> String {
    let cause = error.source().map(said);
    format!("{error}{}", cause.map_or(String::new(), |cause| format!(": {cause}")))
}

#[test]
fn layers_lie_on_one_another_and_belong_to_the_shifted_users() {
    let place = Place::new();
    let lower = Layer::new().folder("etc").file("etc/a", "1").file("etc/b", "1").link("etc/c", "etc/a");
    let upper = Layer::new().file("etc/b", "2").entry("srv/x", EntryType::Regular, "", b"x", 0o640, 33);
    place.unpack(vec![lower, upper]).unwrap();
    assert_eq!(
        (place.read("etc/a"), place.read("etc/b"), place.read("etc/c")),
        ("1".into(), "2".into(), "1".into())
    );
    let metadata = fs::metadata(place.root().join("srv/x")).unwrap();
    assert_eq!((metadata.uid(), metadata.gid(), metadata.mode() & 0o7777), (BASE + 33, BASE + 33, 0o640));
    assert_eq!(metadata.mtime(), 1_000_000_000);
    for path in ["", "srv", "etc", "tmp", "proc"] {
        assert_eq!(fs::metadata(place.root().join(path)).unwrap().uid(), BASE, "{path}");
    }
    assert_eq!(fs::metadata(place.root().join("etc/c")).unwrap().nlink(), 2);
}

#[test]
fn whiteouts_remove_what_lower_layers_had() {
    let place = Place::new();
    let lower =
        Layer::new().file("a/x", "1").file("a/y", "1").file("b/x/z", "1").file("c", "1").file("d/old", "1");
    let upper = Layer::new()
        .file("a/.wh.x", "")
        .file("b/.wh.x", "")
        .file(".wh.c", "")
        .file(".wh.never-there", "")
        .file("d/new", "2")
        .file("d/.wh..wh..opq", "")
        .file(".wh..wh.plnk", "");
    place.unpack(vec![lower, upper]).unwrap();
    assert_eq!(place.names("a"), ["y"]);
    assert!(place.names("b").is_empty());
    assert_eq!(place.names("d"), ["new"], "an opaque folder keeps what its own layer put there");
    assert_eq!(place.names(""), ["a", "b", "d", "dev", "proc", "run", "tmp"]);
}

#[test]
fn an_opaque_marker_spares_its_own_layer_below_old_folders_too() {
    let place = Place::new();
    let lower = Layer::new().file("d/e/old", "1").file("d/f/old", "1");
    let upper = Layer::new().file("d/e/new", "2").file("d/.wh..wh..opq", "");
    place.unpack(vec![lower, upper]).unwrap();
    assert_eq!((place.names("d"), place.names("d/e")), (vec!["e".into()], vec!["new".into()]));
}

#[test]
fn things_replace_things_of_another_kind() {
    let place = Place::new();
    let lower =
        Layer::new().file("folder/x", "1").file("file", "1").symlink("link", "file").symlink("to", "folder");
    let upper = Layer::new().file("folder", "2").folder("file").file("link", "2").folder("to");
    place.unpack(vec![lower, upper]).unwrap();
    assert_eq!((place.read("folder"), place.read("link")), ("2".into(), "2".into()));
    assert!(place.root().join("file").is_dir());
    assert!(fs::symlink_metadata(place.root().join("to")).unwrap().is_dir());
}

#[test]
fn a_symlink_cannot_lead_a_file_out_of_the_root() {
    let place = Place::new();
    let outside = place.outside();
    let outside = outside.to_str().unwrap();
    let up = "../../../../../../../../..";
    for target in [outside.to_owned(), format!("{up}{outside}")] {
        let place = Place::new();
        let layer = Layer::new().symlink("door", &target).file("door/precious", "lead");
        // Where the link leads does not exist inside, or is made there: never outside.
        drop(place.unpack(vec![layer]));
        place.assert_untouched();
    }
    let layer = Layer::new().folder("inside").symlink("door", "/inside").file("door/x", "1");
    place.unpack(vec![layer]).unwrap();
    assert_eq!(place.read("inside/x"), "1", "a link is followed as the container would");
    let layer = Layer::new().folder("inside").symlink("door", "../../inside").file("door/x", "2");
    place.unpack(vec![layer]).unwrap();
    assert_eq!(place.read("inside/x"), "2");
    place.assert_untouched();
}

#[test]
fn the_last_name_is_replaced_and_not_followed() {
    let place = Place::new();
    let precious = place.outside().join("precious");
    let layer = Layer::new().symlink("door", precious.to_str().unwrap()).file("door", "lead");
    place.unpack(vec![layer]).unwrap();
    assert_eq!(place.read("door"), "lead");
    place.assert_untouched();
}

#[test]
fn a_hard_link_cannot_reach_out_of_the_root() {
    let place = Place::new();
    let precious = place.outside().join("precious");
    let said = place.refused(Layer::new().link("mine", precious.to_str().unwrap()));
    assert!(said.contains("absolute"), "{said}");
    let said = place.refused(Layer::new().link("mine", "../../outside/precious"));
    assert!(said.contains("'..'"), "{said}");
    let through =
        Layer::new().symlink("door", place.outside().to_str().unwrap()).link("mine", "door/precious");
    place.refused(through);
    // A link to a symbolic link is another name for the link, not for what it leads to.
    let layer = Layer::new().symlink("door", precious.to_str().unwrap()).link("mine", "door");
    place.unpack(vec![layer]).unwrap();
    assert!(fs::symlink_metadata(place.root().join("mine")).unwrap().is_symlink());
    place.assert_untouched();
}

#[test]
fn dots_in_a_path_are_refused_by_name() {
    let place = Place::new();
    for path in ["../escaped", "a/../../escaped", "/escaped", "a/.."] {
        let said = place.refused(Layer::new().file(path, "x"));
        assert!(said.contains(path) && said.contains("layer 0"), "{said}");
    }
}

#[test]
fn a_whiteout_cannot_remove_what_is_outside() {
    let place = Place::new();
    let outside = place.outside();
    let door = || Layer::new().symlink("door", outside.to_str().unwrap());
    drop(place.unpack(vec![door(), Layer::new().file("door/.wh.precious", "")]));
    place.assert_untouched();
    drop(place.unpack(vec![door(), Layer::new().file("door/.wh..wh..opq", "")]));
    place.assert_untouched();
    // The link itself may go.
    place.unpack(vec![door(), Layer::new().file(".wh.door", "")]).unwrap();
    assert!(!place.names("").contains(&"door".into()));
    place.assert_untouched();
    for name in [".wh.", ".wh..", ".wh..."] {
        fs::remove_dir_all(place.image()).ok();
        let said = place.refused(Layer::new().file(&format!("a/{name}"), ""));
        assert!(said.contains("without a name"), "{said}");
    }
}

#[test]
fn devices_and_fifos_are_refused_by_name() {
    let place = Place::new();
    for (kind, name) in [(EntryType::Char, "device"), (EntryType::Block, "device"), (EntryType::Fifo, "FIFO")]
    {
        let said = place.refused(Layer::new().entry("dev/sda", kind, "", b"", 0o666, 0));
        assert!(said.contains("dev/sda") && said.contains(name), "{said}");
    }
}

#[test]
fn programs_lose_the_power_to_change_their_user() {
    let place = Place::new();
    let layer = Layer::new().entry("bin/su", EntryType::Regular, "", b"x", 0o6755, 0).entry(
        "var",
        EntryType::Directory,
        "",
        b"",
        0o3777,
        0,
    );
    place.unpack(vec![layer]).unwrap();
    assert_eq!(fs::metadata(place.root().join("bin/su")).unwrap().mode() & 0o7777, 0o755);
    assert_eq!(fs::metadata(place.root().join("var")).unwrap().mode() & 0o7777, 0o1777);
}

#[test]
fn an_owner_beyond_the_containers_ids_is_refused() {
    let said = Place::new().refused(Layer::new().entry("x", EntryType::Regular, "", b"", 0o644, 65_536));
    assert!(said.contains("65536"), "{said}");
}

#[test]
fn an_image_beyond_the_limits_is_refused() {
    let place = Place::new();
    let unpack_within = |bytes, entries| {
        let layer = Layer::new().file("a", "12345").file("b", "12345").tar();
        let limits = UnpackLimits { bytes, entries };
        unpack(image_tar(&[layer]).as_slice(), &place.image(), BASE, limits).map_err(|error| said(&error))
    };
    assert!(unpack_within(10_000, 1).unwrap_err().contains("more than 1 files"));
    assert!(unpack_within(500, 9).unwrap_err().contains("more than 500 bytes"));
    assert!(unpack_within(10_000, 2).is_ok());
}

#[test]
fn an_announced_name_without_end_is_refused_before_it_is_read() {
    let long = vec![b'a'; 100_000];
    let layer = Layer::new().entry("././@LongLink", EntryType::GNULongName, "", &long, 0, 0).file("x", "");
    let said = Place::new().refused(layer);
    assert!(said.contains("100000 bytes"), "{said}");
}

#[test]
fn a_changed_layer_is_refused() {
    let place = Place::new();
    let good = image_tar(&[Layer::new().file("a", "honest").tar()]);
    let at = good.windows(6).position(|window| window == b"honest").unwrap();
    let mut bad = good.clone();
    bad[at] = b'H';
    let error = unpack(bad.as_slice(), &place.image(), BASE, UnpackLimits::default()).unwrap_err();
    assert!(matches!(error, UnpackError::Digest { number: 0, .. }), "{error}");
    assert!(!place.image().exists());
}

#[test]
fn an_image_tar_cut_anywhere_is_refused() {
    let place = Place::new();
    let whole = image_tar(&[Layer::new().file("a", "1").tar(), Layer::new().file("b", "2").tar()]);
    let end = whole.len() - 1024;
    for length in (0..end).step_by(256) {
        let cut = unpack(&whole[..length], &place.image(), BASE, UnpackLimits::default());
        assert!(cut.is_err() && unpacked(&place.image(), BASE).is_none(), "cut at {length} of {end}");
    }
}

#[test]
fn members_that_do_not_belong_are_refused() {
    let place = Place::new();
    let mut two = image_tar(&[Layer::new().tar()]);
    two.truncate(two.len() - 1024);
    two.extend(image_tar(&[]));
    let error = unpack(two.as_slice(), &place.image(), BASE, UnpackLimits::default()).unwrap_err();
    assert!(error.to_string().contains("config.json"), "{error}");
}

#[test]
fn a_half_unpacked_root_is_made_anew() {
    let place = Place::new();
    let partial = place.0.path().join(format!("image.{BASE}.partial/root"));
    fs::create_dir_all(&partial).unwrap();
    symlink(place.outside(), partial.join("etc")).unwrap();
    fs::create_dir_all(place.image()).unwrap();
    assert_eq!(unpacked(&place.image(), BASE), None);
    place.unpack(vec![Layer::new().file("etc/precious", "new")]).unwrap();
    assert_eq!(place.names("etc"), ["precious"]);
    place.assert_untouched();
    let done = unpacked(&place.image(), BASE).unwrap();
    assert_eq!((done.root, done.config.args), (place.root(), vec!["/bin/door".to_owned()]));
    assert_eq!(unpacked(&place.image(), BASE + 1), None, "another range of users is another root");
}

#[test]
fn users_are_found_in_the_images_own_list() {
    let place = Place::new();
    let passwd = "root:x:0:0::/:/bin/sh\ndoor:x:7:8::/:/bin/sh\n";
    place.unpack(vec![Layer::new().file("etc/passwd", passwd)]).unwrap();
    let user = unpacked(&place.image(), BASE).unwrap().user().unwrap();
    assert_eq!((user.uid, user.gid), (7, 8));
    place.unpack(vec![Layer::new().symlink("etc/passwd", "/etc/shadow")]).unwrap();
    let error = unpacked(&place.image(), BASE).unwrap().user().unwrap_err();
    assert!(error.to_string().contains("door"), "{error}");
}
