//! Trees against their twin: a map from path to bytes.

use super::*;
use crate::{diff::diff, memory::MemoryObjects};
use proptest::prelude::*;

type Twin = BTreeMap<StatePath, Vec<u8>>;

fn any_path() -> impl Strategy<Value = StatePath> {
    // Few names, some a prefix of another with '-' and '.', which git sorts before and after '/'.
    prop::collection::vec("a|a-b|a\\.b|b|c", 1..4)
        .prop_map(|parts| format!("{}.toml", parts.join("/")).parse().unwrap())
}

fn any_edits() -> impl Strategy<Value = Vec<(StatePath, Option<u8>)>> {
    prop::collection::vec((any_path(), prop::option::weighted(0.7, 0..3u8)), 0..12)
}

fn empty(store: &mut MemoryObjects) -> ObjectId {
    let mut new = NewObjects::default();
    let root = new.insert(Kind::Tree, Vec::new());
    store.store(&new);
    root
}

/// Edits a tree and its twin alike.
fn apply(
    store: &mut MemoryObjects,
    root: ObjectId,
    twin: &mut Twin,
    edits: &[(StatePath, Option<u8>)],
) -> ObjectId {
    let mut new = NewObjects::default();
    let mut wanted = Edits::new();
    for (path, content) in edits {
        let content = content.map(|byte| vec![byte]);
        wanted.insert(path.clone(), content.clone().map(|bytes| Entry::File(new.insert(Kind::Blob, bytes))));
        match content {
            Some(bytes) => twin.insert(path.clone(), bytes),
            None => twin.remove(path),
        };
    }
    let root = edit(&*store, &root, &wanted, &mut new).unwrap();
    store.store(&new);
    root
}

fn read_all(store: &MemoryObjects, root: &ObjectId) -> Twin {
    let all = diff(store, None, Some(root)).unwrap();
    all.into_iter().map(|file| (file.path, load(store, &file.new.unwrap(), Kind::Blob).unwrap())).collect()
}

proptest! {
    #[test]
    fn a_tree_holds_what_its_twin_holds(first in any_edits(), second in any_edits()) {
        let (mut store, mut twin) = (MemoryObjects::default(), Twin::new());
        let root = empty(&mut store);
        let one = apply(&mut store, root, &mut twin, &first);
        prop_assert_eq!(&read_all(&store, &one), &twin);
        let two = apply(&mut store, one, &mut twin, &second);
        prop_assert_eq!(&read_all(&store, &two), &twin);
        for (path, bytes) in &twin {
            let found = find(&store, &two, path).unwrap().unwrap();
            prop_assert_eq!(&load(&store, &found.id(), Kind::Blob).unwrap(), bytes);
        }
    }

    #[test]
    fn equal_contents_make_equal_trees_however_they_came_about(first in any_edits(), second in any_edits()) {
        let (mut store, mut twin) = (MemoryObjects::default(), Twin::new());
        let root = empty(&mut store);
        let one = apply(&mut store, root, &mut twin, &first);
        let two = apply(&mut store, one, &mut twin, &second);
        let mut at_once = NewObjects::default();
        let all = twin.iter().map(|(path, bytes)| {
            (path.clone(), Some(Entry::File(at_once.insert(Kind::Blob, bytes.clone()))))
        });
        let all: Edits = all.collect();
        prop_assert_eq!(edit(&store, &root, &all, &mut at_once).unwrap(), two);
    }

    #[test]
    fn a_difference_is_what_the_twins_differ_in(first in any_edits(), second in any_edits()) {
        let (mut store, mut twin) = (MemoryObjects::default(), Twin::new());
        let root = empty(&mut store);
        let one = apply(&mut store, root, &mut twin, &first);
        let before = twin.clone();
        let two = apply(&mut store, one, &mut twin, &second);
        let found: Vec<StatePath> = diff(&store, Some(&one), Some(&two)).unwrap().into_iter().map(|d| d.path).collect();
        let paths: std::collections::BTreeSet<&StatePath> = before.keys().chain(twin.keys()).collect();
        let wanted: Vec<StatePath> =
            paths.into_iter().filter(|path| before.get(*path) != twin.get(*path)).cloned().collect();
        prop_assert_eq!(found, wanted);
    }
}

#[test]
fn an_edit_writes_the_folders_along_its_path_alone() {
    let (mut store, mut twin) = (MemoryObjects::default(), Twin::new());
    let root = empty(&mut store);
    let path = |text: &str| text.parse::<StatePath>().unwrap();
    let many: Vec<_> = (0..50).map(|n| (path(&format!("f{n}/x.toml")), Some(1))).collect();
    let root = apply(&mut store, root, &mut twin, &many);
    let mut new = NewObjects::default();
    let file = Entry::File(new.insert(Kind::Blob, vec![9]));
    edit(&store, &root, &Edits::from([(path("f7/x.toml"), Some(file))]), &mut new).unwrap();
    assert_eq!(new.len(), 3, "a file, its folder and the root");
}

#[test]
fn a_file_and_a_folder_never_share_a_name() {
    let (mut store, mut twin) = (MemoryObjects::default(), Twin::new());
    let root = empty(&mut store);
    let path = |text: &str| text.parse::<StatePath>().unwrap();
    let root = apply(&mut store, root, &mut twin, &[(path("a/b.toml"), Some(1))]);
    for occupied in ["a", "a/b.toml/c.toml"] {
        let mut new = NewObjects::default();
        let file = Entry::File(new.insert(Kind::Blob, vec![9]));
        let result = edit(&store, &root, &Edits::from([(path(occupied), Some(file))]), &mut new);
        assert!(matches!(result, Err(TreeError::Occupied { .. })), "{occupied}");
    }
}
