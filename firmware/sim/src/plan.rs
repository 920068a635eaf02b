//! What is to be simulated.

use model::Millis;

/// One run: everything that happens in it follows from this.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// Boxes.
    pub nodes: usize,
    /// How many of them are validators, the first ones.
    pub validators: usize,
    /// The seed.
    pub seed: u64,
    /// How long things happen; then all is healed, and they have [`Plan::HEALING`] to agree.
    pub lasts: Millis,
    /// How many others each box is connected to; the network is whole anyway.
    pub degree: usize,
    /// The mean pause between two taps at one box.
    pub tap_every: Millis,
    /// The mean pause between two changes of documents, in the whole organisation.
    pub write_every: Millis,
    /// Whether anything goes wrong.
    pub faults: bool,
    /// Stops before this step, if it is named.
    pub until: Option<u64>,
}

impl Plan {
    /// The longest that boxes may need to agree once all is healed.
    pub const HEALING: Millis = Millis(30 * 60_000);

    /// A run of `nodes` boxes with all that can go wrong.
    pub fn new(nodes: usize, seed: u64, lasts: Millis) -> Self {
        Self {
            nodes,
            validators: nodes.clamp(1, 7),
            seed,
            lasts,
            degree: if nodes <= 12 { nodes } else { 8 },
            tap_every: Millis(5 * 60_000),
            write_every: Millis(4 * 60_000),
            faults: true,
            until: None,
        }
    }

    /// How many validators may lie without harm: fewer than a third.
    pub const fn liars_max(&self) -> usize {
        self.validators.saturating_sub(1) / 3
    }
}
