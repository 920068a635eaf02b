//! The reset pin of a reader's chip: low for a moment before each beginning, high while it works.

use super::port::{Gpio, OutputLine, Place};
use std::{io, sync::Arc, thread::sleep, time::Duration};

/// Both chips need well under a microsecond low, and some milliseconds to wake up.
const LOW: Duration = Duration::from_millis(2);
const AWAKE: Duration = Duration::from_millis(50);

/// A reset pin, if a line drives it.
pub struct Reset(Option<(Arc<dyn Gpio>, Place)>);

impl Reset {
    /// The line at that place.
    pub fn new(gpio: Arc<dyn Gpio>, place: Option<Place>) -> Self {
        Self(place.map(|place| (gpio, place)))
    }

    /// Begins anew. The pin is high for as long as what is returned lives.
    pub fn begin(&self) -> io::Result<Option<Box<dyn OutputLine>>> {
        let Some((gpio, place)) = &self.0 else { return Ok(None) };
        let line = gpio.output(place, false, false)?;
        sleep(LOW);
        line.set(true)?;
        sleep(AWAKE);
        Ok(Some(line))
    }
}
