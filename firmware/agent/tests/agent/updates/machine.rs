//! A card made of files, the boot loader, and releases for it.

use crate::common::{FOUNDED, Socket, Up, proposal};
use agent::{boot::Roots, home::Home, updates};
use chunk::{
    Builder, Cutter, FileHasher, Manifest, chunk_id, cut,
    delta::{Delta, Encoder, Source},
};
use model::{Document, Millis, Name};
use slots::{BootState, Place, PlaceError, Slot, Slots, Status, UBoot, fresh_copies};
use std::{
    fs,
    os::unix::fs::{FileExt, symlink},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};
use update::{
    DeltaOffer, GateRules, Kind, Part, Release, TreeHasher, UpdaterRules, Verity, manifest_id, sign,
};

const DISK: &str = "mmcblk0";
const PARTITIONS: [&str; 6] = ["state0", "state1", "boot-a", "boot-b", "root-a", "root-b"];
const STATE_BYTES: usize = 0x2000;
/// Small pieces, so that a small image has some of them.
const CUTTER: &str = "fastcdc:4096:8192:16384";
/// The blocks of a root's file system; one block of hashes follows.
const BLOCKS: u64 = 32;

/// What a slot holds: the files of a release.
pub struct Image {
    boot: Vec<u8>,
    root: Vec<u8>,
}

impl Image {
    /// Another one for each number; they have a half of the root in common.
    pub fn new(number: u8) -> Self {
        let noise = |seed: &[u8], length: usize| {
            let mut bytes = vec![0; length];
            blake3::Hasher::new().update(seed).finalize_xof().fill(&mut bytes);
            bytes
        };
        let block = update::VERITY_BLOCK_BYTES as usize;
        let half = BLOCKS as usize / 2 * block;
        let root = [noise(b"same", half), noise(&[number], half), vec![number; block]].concat();
        Self { boot: noise(&[b'b', number], 40_000), root }
    }

    /// One whose root has a byte of each block changed: no chunk is the same, and nearly everything is alike.
    pub fn like(other: &Self, number: u8) -> Self {
        let mut image = Self::new(number);
        image.root.clone_from(&other.root);
        image.root.iter_mut().step_by(update::VERITY_BLOCK_BYTES as usize).for_each(|byte| *byte ^= number);
        image
    }

    fn verity(&self) -> Verity {
        let mut hasher = TreeHasher::new(BLOCKS);
        hasher.update(&self.root);
        Verity { blocks: BLOCKS, root: hasher.finish().unwrap() }
    }

    fn parts(&self) -> [(Name, &[u8], Option<Verity>); 2] {
        let name = |text: &str| text.parse().unwrap();
        [(name("boot.vfat"), &self.boot, None), (name("root.erofs"), &self.root, Some(self.verity()))]
    }

    /// Puts all of its chunks into a box's store.
    pub async fn put_chunks(&self, admin: &Socket) {
        for (_, bytes, _) in self.parts() {
            put(admin, bytes).await;
        }
    }
}

async fn put(admin: &Socket, bytes: &[u8]) {
    let (status, said) = admin.bytes("PUT", &format!("/v1/chunks?cutter={CUTTER}"), bytes.to_vec()).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&said));
}

fn manifest(bytes: &[u8]) -> String {
    let cutter: Cutter = CUTTER.parse().unwrap();
    let (mut builder, mut hasher) = (Builder::new(cutter), FileHasher::new());
    hasher.update(bytes);
    for range in cut(cutter, bytes) {
        builder.push(chunk_id(&bytes[range.clone()]), range.len() as u32).unwrap();
    }
    builder.finish(hasher.finish()).to_text()
}

/// Publishes a release whose root is to be had by a delta from `old` and in no other way.
pub async fn publish_delta(
    admin: &Socket,
    home: &Path,
    version: &str,
    (from, old): (&str, &Image),
    new: &Image,
) {
    let [old_text, new_text] = [&old.root, &new.root].map(|bytes| manifest(bytes));
    let [older, newer] = [&old_text, &new_text].map(|text| Manifest::parse(text.as_bytes()).unwrap());
    let source = |bytes, manifest| Source { bytes, manifest };
    let encoder = Encoder::new(source(&old.root, &older), source(&new.root, &newer)).unwrap();
    let (mut segments, mut bytes) = (Vec::new(), 0);
    for segment in 0..encoder.segments() {
        let (segment, frame) = encoder.encode(segment).unwrap().unwrap();
        bytes += put_chunk(admin, &frame).await;
        segments.push(segment);
    }
    let list = Delta::between(&older, &newer, segments).unwrap().to_text();
    bytes += put_chunk(admin, list.as_bytes()).await;
    assert!(bytes < 3_000, "{bytes} bytes are no small delta of {}", new.root.len());
    let offer = DeltaOffer {
        part: "root.erofs".parse().unwrap(),
        from: Some(from.parse().unwrap()),
        list: chunk_id(list.as_bytes()),
        bytes,
    };
    publish(admin, home, version, new, &|release| {
        boot_alone(release);
        release.deltas = vec![offer.clone()];
    })
    .await;
}

async fn put_chunk(admin: &Socket, bytes: &[u8]) -> u64 {
    let path = format!("/v1/chunks/{}", chunk_id(bytes));
    let (status, said) = admin.bytes("PUT", &path, bytes.to_vec()).await;
    assert_eq!(status, 200, "{}", String::from_utf8_lossy(&said));
    bytes.len() as u64
}

/// A machine whose card is files.
pub struct Machine {
    _folder: tempfile::TempDir,
    roots: Roots,
    restart: Arc<AtomicBool>,
}

/// A copy of the boot state.
struct Copy(PathBuf);

impl Place for Copy {
    fn read(&self, into: &mut [u8]) -> Result<(), PlaceError> {
        fs::File::open(&self.0).and_then(|file| file.read_exact_at(into, 0)).map_err(|source| PlaceError {
            doing: "read",
            place: self.0.display().to_string(),
            source: source.into(),
        })
    }

    fn write(&mut self, bytes: &[u8]) -> Result<(), PlaceError> {
        fs::write(&self.0, bytes).unwrap();
        Ok(())
    }
}

impl Machine {
    /// A new card with this image in both slots, running from A.
    pub fn new(image: &Image) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let below = |name: &str| folder.path().join(name);
        let roots = Roots { proc: below("proc"), sys: below("sys"), dev: below("dev") };
        for path in [&roots.proc, &roots.dev, &roots.sys.join("class/block")] {
            fs::create_dir_all(path).unwrap();
        }
        let copies = fresh_copies(&Slots::fresh(Slot::A), STATE_BYTES).unwrap();
        for (at, name) in PARTITIONS.iter().enumerate() {
            let partition = format!("{DISK}p{}", at + 1);
            let device = roots.sys.join("devices").join(DISK).join(&partition);
            fs::create_dir_all(&device).unwrap();
            fs::write(device.join("uevent"), format!("DEVTYPE=partition\nPARTNAME={name}\n")).unwrap();
            symlink(&device, roots.sys.join("class/block").join(&partition)).unwrap();
            let content = match *name {
                "state0" => copies[0].clone(),
                "state1" => copies[1].clone(),
                boot if boot.starts_with("boot") => padded(&image.boot, 65_536),
                _ => padded(&image.root, 200_000),
            };
            fs::write(roots.dev.join(&partition), content).unwrap();
        }
        let machine = Self { _folder: folder, roots, restart: Arc::default() };
        machine.boot();
        machine
    }

    /// How the agent on it is started: everything faster than on a box.
    pub fn options(&self) -> updates::Options {
        let mut rules = updates::rules();
        rules.gate = GateRules { steady_ms: 200, limit_ms: 2_000, ..rules.gate };
        let restart = self.restart.clone();
        updates::Options {
            roots: self.roots.clone(),
            restart: Arc::new(move || {
                restart.store(true, Ordering::SeqCst);
                Ok(())
            }),
            rules: UpdaterRules { settle_ms: 100, ..rules },
            pace: Duration::from_millis(30),
        }
    }

    /// Whether the agent has told the machine to restart.
    pub fn wants_restart(&self) -> bool {
        self.restart.load(Ordering::SeqCst)
    }

    /// The boot loader: counts, and tells the kernel which slot it is and which root.
    pub fn boot(&self) {
        self.restart.store(false, Ordering::SeqCst);
        let mut state = self.state();
        let mut slots = state.load().unwrap();
        let slot = slots.boot().slot;
        state.save(&slots).unwrap();
        let root = fs::read(self.partition("root", &slot.to_string())).unwrap();
        let mut hasher = TreeHasher::new(BLOCKS);
        hasher.update(&root);
        let verity = hasher.finish().unwrap();
        let cmdline = format!(
            "quiet dm-mod.create=\"root,,,ro,0 256 verity 1 x x 4096 4096 32 32 sha256 {verity} - 1\" ledger.slot={slot}\n"
        );
        fs::write(self.roots.proc.join("cmdline"), cmdline).unwrap();
    }

    fn state(&self) -> UBoot<Copy> {
        let copy = |at: usize| Copy(self.roots.dev.join(format!("{DISK}p{at}")));
        UBoot::new([copy(1), copy(2)], STATE_BYTES)
    }

    /// The slot that runs.
    pub fn running(&self) -> String {
        let cmdline = fs::read_to_string(self.roots.proc.join("cmdline")).unwrap();
        cmdline.trim().rsplit_once("ledger.slot=").unwrap().1.to_owned()
    }

    pub fn is_good(&self, slot: &str) -> bool {
        matches!(self.state().load().unwrap().status(slot.parse().unwrap()), Status::Good(_))
    }

    pub fn holds(&self, slot: &str, image: &Image) -> bool {
        let there =
            |part: &str, bytes: &[u8]| fs::read(self.partition(part, slot)).unwrap().starts_with(bytes);
        there("boot", &image.boot) && there("root", &image.root)
    }

    fn partition(&self, part: &str, slot: &str) -> PathBuf {
        let name = format!("{part}-{}", slot.to_lowercase());
        let at = PARTITIONS.iter().position(|partition| *partition == name).unwrap();
        self.roots.dev.join(format!("{DISK}p{}", at + 1))
    }
}

/// A machine that a boot loader of another kind started.
pub fn no_slots() -> Roots {
    let folder = tempfile::tempdir().unwrap().keep();
    fs::create_dir_all(folder.join("proc")).unwrap();
    fs::write(folder.join("proc/cmdline"), "quiet root=/dev/sda1\n").unwrap();
    Roots { proc: folder.join("proc"), sys: folder.join("sys"), dev: folder.join("dev") }
}

fn padded(bytes: &[u8], length: usize) -> Vec<u8> {
    let mut bytes = bytes.to_vec();
    bytes.resize(length, 0);
    bytes
}

/// Lets the founder sign releases.
pub async fn with_releases(up: &Up) {
    let policy = "[roles]\nowner = [\"alice\"]\n\n[[rules]]\nroles = [\"owner\"]\npaths = [\"policy.toml\", \"org.toml\", \"keys/*\", \
                  \"branches/*\", \"nodes/*\", \"images/**\"]\n\n[releases.stable]\nsigners = [\"person:alice\"]\nthreshold = 1\n";
    let policy = Document::parse(policy.as_bytes()).unwrap().to_canonical().unwrap();
    propose(&up.admin(), up.folder.path(), &[("policy.toml", policy)]).await;
}

/// Proposes documents, signed by the founder.
pub async fn propose(admin: &Socket, home: &Path, changes: &[(&str, String)]) {
    let changes: Vec<(&str, Option<&str>)> =
        changes.iter().map(|(path, text)| (*path, Some(text.as_str()))).collect();
    let (status, answer) =
        admin.post("/v1/blocks", serde_json::to_value(proposal(home, &changes)).unwrap()).await;
    assert_eq!(status, 200, "{answer}");
}

fn release(version: &str, image: &Image) -> Release {
    let part = |(name, bytes, verity): (Name, &[u8], Option<Verity>)| Part {
        name,
        size: bytes.len() as u64,
        manifest: manifest_id(manifest(bytes).as_bytes()),
        verity,
    };
    Release {
        kind: Kind::System,
        image: "sim".parse().unwrap(),
        channel: "stable".parse().unwrap(),
        version: version.parse().unwrap(),
        boards: vec!["sim".parse().unwrap()],
        from: None,
        floor: None,
        made: Millis(FOUNDED.0),
        notes: String::new(),
        parts: image.parts().map(part).into(),
        deltas: vec![],
        rollout: None,
    }
}

/// Leaves the root's chunks out of the store, in [`publish`].
pub fn boot_alone(release: &mut Release) {
    release.notes = BOOT_ALONE.to_owned();
}

const BOOT_ALONE: &str = "the root comes later";

/// Publishes a release as a person would: chunks into the box's store, document, manifests and signature into the ledger.
pub async fn publish(
    admin: &Socket,
    home: &Path,
    version: &str,
    image: &Image,
    change: &dyn Fn(&mut Release),
) {
    let mut release = release(version, image);
    change(&mut release);
    if release.notes == BOOT_ALONE {
        put(admin, &image.boot).await;
    } else {
        image.put_chunks(admin).await;
    }
    offer(admin, home, &release, image, true).await;
}

pub async fn publish_without_chunks(up: &Up, version: &str, image: &Image) {
    offer(&up.admin(), up.folder.path(), &release(version, image), image, true).await;
}

pub async fn publish_unsigned(admin: &Socket, home: &Path, version: &str, image: &Image) {
    offer(admin, home, &release(version, image), image, false).await;
}

async fn offer(admin: &Socket, home: &Path, release: &Release, image: &Image, signed: bool) {
    let (folder, text) = (release.folder().unwrap(), release.to_text().unwrap());
    let mut paths = vec![(format!("{folder}/release.toml"), text.clone())];
    for (name, bytes, _) in image.parts() {
        paths.push((format!("{folder}/{name}.manifest"), manifest(bytes)));
    }
    if signed {
        let key = Home::open(home).unwrap().person_key(&"alice".parse().unwrap()).unwrap();
        let signature = sign(text.as_bytes(), &key).unwrap().signature;
        let document = serde_json::json!({"signature": signature});
        let document = Document::from_value(&document).unwrap().to_canonical().unwrap();
        paths.push((format!("{folder}/signed/{}.toml", key.public().id()), document));
    }
    let changes: Vec<(&str, String)> =
        paths.iter().map(|(path, text)| (path.as_str(), text.clone())).collect();
    propose(admin, home, &changes).await;
}
