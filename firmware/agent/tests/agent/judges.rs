//! Judges in real containers, good ones and every kind of bad one: a bad one leaves its head out, with a reason
//! that says how it is bad, and the others go in. Needs root.

use crate::common::{FOUNDED, found_with, founders_block, name};
use agent::{blobs::Blobs, home::Home, judges::Judges};
use chunk::Cutter;
use container::image::{Platform, Source};
use ledger::{Block, Checking, Making, Merged, Meta, NewBlock, Step, event_block};
use model::{BlockId, Event, RefName};
use std::{
    path::{Path, PathBuf},
    process::Command,
    sync::{
        Arc, OnceLock,
        atomic::{AtomicU8, Ordering},
    },
    time::{Duration, Instant},
};
use store::{GitObjects, Options, Store, disk::RealDisk};

/// The image of the judge, compiled once.
fn image() -> &'static [u8] {
    static IMAGE: OnceLock<Vec<u8>> = OnceLock::new();
    IMAGE.get_or_init(|| {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        assert!(status.contains("Uid:\t0\t"), "this test makes containers and needs root");
        let dapp = tempfile::tempdir().unwrap();
        std::fs::write(dapp.path().join("dapp.toml"), manifest("judge", "honest", "")).unwrap();
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/agent/judge.rs");
        let flags = ["--edition=2024", "-C", "target-feature=+crt-static", "-C", "strip=symbols", "-o"];
        let rustc = std::env::var("RUSTC").unwrap_or_else(|_| "rustc".into());
        let program = dapp.path().join("judge");
        let compiled = Command::new(rustc).args(flags).arg(program).arg(source).status().unwrap();
        assert!(compiled.success(), "the judge does not compile");
        let mut image = Vec::new();
        Source::open(dapp.path(), &Platform::host()).unwrap().write(&mut image).unwrap();
        image
    })
}

/// A dapp that judges what is below files/<name>/.
fn manifest(dapp: &str, how: &str, limits: &str) -> String {
    let patience = if limits.contains("timeout_ms") { "" } else { "timeout_ms = 20000\n" };
    format!(
        "name = \"{dapp}\"\nversion = \"1\"\nwrites = [\"files/{dapp}/*\"]\n[judge]\nargs = [\"/judge\", \"{how}\"]\n\
         {limits}{patience}"
    )
}

/// A home with dapps in its ledger, and its judges.
struct Court {
    _folder: tempfile::TempDir,
    home: PathBuf,
    judges: Judges,
    objects: GitObjects,
}

impl Court {
    /// Dapps by name, with how they judge and their limits. The image of `no-image` is not on the box.
    fn of(dapps: &[(&str, &str, &str)]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("home");
        // Homes of one key would share their control groups.
        static HOMES: AtomicU8 = AtomicU8::new(100);
        let home = found_with(&path, [HOMES.fetch_add(1, Ordering::Relaxed); 32]);
        let objects = GitObjects::open(&path).unwrap();
        let blobs = Blobs::open(&home.chunks_folder(), Arc::new(RealDisk), objects.clone()).unwrap();
        let (chunks, _) = blobs.put(image(), Cutter::default()).unwrap();
        let chunks = chunks.to_text();
        let lost = chunk::Manifest {
            cutter: Cutter::default(),
            size: 3,
            hash: *chunk::chunk_id(b"abc").as_bytes(),
            chunks: vec![(chunk::chunk_id(b"abc"), 3)],
        };
        let lost = lost.to_text();
        let mut files = Vec::new();
        for (dapp, how, limits) in dapps {
            files.push((format!("dapps/{dapp}/dapp.toml"), manifest(dapp, how, limits)));
            let image = if *how == "no-image" { &lost } else { &chunks };
            files.push((format!("dapps/{dapp}/image.manifest"), image.clone()));
        }
        let files: Vec<(&str, Option<&str>)> =
            files.iter().map(|(path, text)| (path.as_str(), Some(text.as_str()))).collect();
        let key = home.node_key().unwrap().public().id();
        let judges = Judges::new(&home, &key, objects.clone(), blobs, env!("CARGO_BIN_EXE_ledgerd").into());
        let court = Self { _folder: folder, home: path, judges, objects };
        let block = founders_block(&court.home, &files);
        let merged = court.merge(&[court.keep(block)]);
        assert!(merged.left_out.is_empty(), "{:?}", merged.left_out);
        court
    }

    /// Stores a writer's block.
    fn keep(&self, block: NewBlock) -> BlockId {
        let mut store = Store::open(&self.home, Arc::new(RealDisk), Options::default()).unwrap();
        let layered = ledger::Layered { new: &block.objects, base: &self.objects };
        let author = Block::read(&layered, block.id).unwrap().author;
        store.commit(&block.objects, &[(RefName::writer(author), block.id)]).unwrap();
        block.id
    }

    fn main(&self) -> BlockId {
        self.objects.head(&RefName::main()).unwrap().unwrap()
    }

    /// The founder changes a document that the dapp judges.
    fn write(&self, dapp: &str, text: &str) -> BlockId {
        self.keep(founders_block(&self.home, &[(&format!("files/{dapp}/a.toml"), Some(text))]))
    }

    /// The node has an event to tell.
    fn event(&self) -> BlockId {
        let key = Home::open(&self.home).unwrap().node_key().unwrap();
        let own = self.objects.head(&RefName::writer(key.public().id())).unwrap();
        let data = serde_json::Map::new();
        let event = Event { at: FOUNDED.plus(1000), dapp: name("door"), data, kind: name("access"), seq: 1 };
        let draft =
            event_block(&self.objects, self.main(), own, &name("front-door"), &[event], self.meta()).unwrap();
        self.keep(draft.sign(&key).unwrap())
    }

    fn meta(&self) -> Meta {
        let author = Home::open(&self.home).unwrap().node_key().unwrap().public().id();
        Meta { author, at: FOUNDED.plus(2000), subject: "Merge".into(), dapp: None }
    }

    /// Merges, and checks the merge with judges that have forgotten what they said.
    fn merge(&self, heads: &[BlockId]) -> Merged {
        let mut making = Making::begin(&self.objects, self.main(), heads, self.meta()).unwrap();
        let merged = loop {
            match making.step(&self.objects).unwrap() {
                Step::Done(merged) => break merged,
                Step::Judge(tasks) => {
                    tasks.iter().for_each(|task| making.answer(task.id(), self.judges.run(task)));
                }
            }
        };
        if let Some(draft) = merged.draft.clone() {
            let block = draft.sign(&Home::open(&self.home).unwrap().node_key().unwrap()).unwrap();
            let mut store = Store::open(&self.home, Arc::new(RealDisk), Options::default()).unwrap();
            store.commit(&block.objects, &[(RefName::main(), block.id)]).unwrap();
        }
        merged
    }

    /// What is said of the founder's document where this dapp judges it, while the node's event goes in.
    fn said(&self, dapp: &str) -> String {
        let (head, event) = (self.write(dapp, "a = 1\n"), self.event());
        let merged = self.merge(&[head, event]);
        assert_eq!(merged.left_out.len(), 1);
        assert_eq!(merged.left_out[0].0, head);
        let block = Block::read(&self.objects, self.main()).unwrap();
        assert_eq!(block.heads(), [event], "the others go in");
        merged.left_out[0].1.to_string()
    }
}

/// What is said of a document where a judge like this must see it.
fn said(how: &str, limits: &str) -> String {
    Court::of(&[("files-judge", how, limits)]).said("files-judge")
}

#[test]
fn an_honest_judge_passes_what_is_good_and_fails_what_is_bad_with_its_reason() {
    let court = Court::of(&[("desk", "honest", "")]);
    let head = court.write("desk", "a = 1\n");
    assert!(court.merge(&[head]).left_out.is_empty());
    let block = Block::read(&court.objects, court.main()).unwrap();
    assert_eq!(block.verdicts.len(), 1);
    let mut checking = Checking::begin(&court.objects, &block).unwrap();
    let Step::Judge(tasks) = checking.step().unwrap() else { panic!("the judge is asked again") };
    let begun = Instant::now();
    tasks.iter().for_each(|task| checking.answer(task.id(), court.judges.run(task)));
    assert!(begun.elapsed() < Duration::from_secs(1), "what it said is remembered");
    assert!(matches!(checking.step().unwrap(), Step::Done(())));
    let head = court.write("desk", "bad = true\n");
    let merged = court.merge(&[head]);
    assert_eq!(merged.left_out[0].1.to_string(), "judge desk: a document is bad");
    assert!(merged.draft.is_none());
}

#[test]
fn a_judge_that_lies_is_named_so() {
    assert_eq!(said("garbage", ""), "judge files-judge: the last line that it wrote is no answer");
    assert_eq!(said("silent", ""), "judge files-judge: the last line that it wrote is no answer");
}

#[test]
fn a_judge_that_loops_ends_at_its_deadline() {
    assert_eq!(said("loops", "timeout_ms = 300\n"), "judge files-judge: it did not answer within its time");
}

#[test]
fn a_judge_that_forks_without_end_harms_nobody() {
    let limits = "pids = 12\ntimeout_ms = 1500\n";
    assert_eq!(said("forks", limits), "judge files-judge: it did not answer within its time");
    assert!(Command::new("/bin/true").status().unwrap().success(), "the host can still start processes");
}

#[test]
fn a_judge_that_fills_memory_ends_at_its_limit() {
    assert_eq!(
        said("hogs", "memory_mib = 32\n"),
        "judge files-judge: it used more memory than its manifest allows"
    );
}

#[test]
fn a_judge_that_says_two_things_is_believed_neither() {
    assert_eq!(said("differs", ""), "judge files-judge: asked twice, it gave two answers");
}

#[test]
fn a_judge_that_crashes_or_ends_badly_has_said_nothing() {
    assert_eq!(said("crashes", ""), "judge files-judge: it crashed");
    assert_eq!(said("exits", ""), "judge files-judge: it ended with code 3");
}

#[test]
fn a_judge_that_writes_without_end_has_said_nothing() {
    assert_eq!(said("floods", ""), "judge files-judge: it wrote more than an answer may be long");
    assert_eq!(said("raves", ""), "judge files-judge: it wrote more than an answer may be long");
}

#[test]
fn a_judge_whose_image_is_not_here_passes_nothing() {
    assert_eq!(said("no-image", ""), "judge files-judge: its image cannot be had");
}

#[test]
fn a_judge_of_another_name_is_not_run() {
    let court = Court::of(&[("desk", "honest", "")]);
    let text = manifest("other", "honest", "").replace("files/other", "files/desk");
    let head = court.keep(founders_block(&court.home, &[("dapps/desk/dapp.toml", Some(&text))]));
    assert!(court.merge(&[head]).left_out.is_empty());
    assert_eq!(court.said("desk"), "judge desk: its dapp.toml cannot be used");
}

#[test]
fn a_judge_finds_its_input_and_nothing_else_around_itself() {
    assert_eq!(
        said("looks", ""),
        "judge files-judge: run: judge; judge: input.json; network: lo; environment: PATH; host: judge; write: false"
    );
}

#[test]
fn judges_that_were_stopped_run_no_more_and_end_what_runs() {
    let court = Court::of(&[("loops", "loops", "")]);
    let head = court.write("loops", "a = 1\n");
    let mut making = Making::begin(&court.objects, court.main(), &[head], court.meta()).unwrap();
    let Step::Judge(tasks) = making.step(&court.objects).unwrap() else { panic!("a judge is asked") };
    let (begun, judges) = (Instant::now(), &court.judges);
    std::thread::scope(|scope| {
        let running = scope.spawn(|| judges.run(&tasks[0]).to_string());
        std::thread::sleep(Duration::from_millis(500));
        judges.stop();
        assert_eq!(running.join().unwrap(), "this box could not run it");
    });
    assert!(begun.elapsed() < Duration::from_secs(15), "the deadline was waited for");
    assert_eq!(court.judges.run(&tasks[0]).to_string(), "this box could not run it");
    making.answer(tasks[0].id(), ledger::Outcome::Pass);
    assert!(matches!(making.step(&court.objects).unwrap(), Step::Done(_)));
}
