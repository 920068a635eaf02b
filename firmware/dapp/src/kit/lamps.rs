//! A red and a green lamp and a buzzer, which doors and machines have alike.

/// The levels of lamps and buzzer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Hash)]
pub struct Levels {
    /// The red lamp.
    pub red: bool,
    /// The green lamp.
    pub green: bool,
    /// The buzzer.
    pub buzzer: bool,
}

impl Levels {
    /// What is to be switched where `shown` is known to be shown: red, green, buzzer.
    pub fn changes(self, shown: Option<Self>) -> [Option<bool>; 3] {
        let change = |level: fn(&Self) -> bool| {
            let differs = shown.is_none_or(|shown| level(&shown) != level(&self));
            differs.then_some(level(&self))
        };
        [change(|levels| levels.red), change(|levels| levels.green), change(|levels| levels.buzzer)]
    }
}
