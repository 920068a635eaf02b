//! The words of `flash`: which board, which device, which settings.
//!
//! Paths are made absolute here, for commands start in the checkout's root and not where the person is.

use crate::shell::Done;
use std::path::PathBuf;

const USAGE: &str = "flash BOARD DEVICE [--settings FILE] [--image FILE] [--yes]";

/// What a person asked for.
#[derive(Debug, Default, PartialEq)]
pub struct Ask {
    /// The board.
    pub board: String,
    /// The card's device; without one, those that there are get shown.
    pub device: Option<PathBuf>,
    /// The new box's settings.
    pub settings: Option<PathBuf>,
    /// An image that is there already.
    pub image: Option<PathBuf>,
    /// Ask nothing.
    pub yes: bool,
}

impl Ask {
    /// Reads the words of the command line.
    pub fn parse(args: &[String]) -> Done<Self> {
        let mut ask = Self::default();
        let mut words = args.iter();
        let mut plain = Vec::new();
        while let Some(word) = words.next() {
            match word.as_str() {
                "--yes" => ask.yes = true,
                "--settings" => ask.settings = Some(file(words.next(), word)?),
                "--image" => ask.image = Some(file(words.next(), word)?),
                other if other.starts_with('-') => {
                    return Err(format!("flash knows no {other}\nusage: {USAGE}").into());
                }
                _ => plain.push(word),
            }
        }
        match plain[..] {
            [board] => ask.board = board.clone(),
            [board, device] => (ask.board, ask.device) = (board.clone(), Some(absolute(device)?)),
            _ => return Err(format!("usage: {USAGE}").into()),
        }
        Ok(ask)
    }

    /// The same question with an image that is there, for root.
    pub fn words(&self, image: &std::path::Path) -> Vec<std::ffi::OsString> {
        let mut words = vec!["flash".into(), self.board.clone().into()];
        words.extend(self.device.iter().map(Into::into));
        words.extend(["--image".into(), image.into()]);
        if let Some(settings) = &self.settings {
            words.extend(["--settings".into(), settings.into()]);
        }
        words.extend(self.yes.then(|| "--yes".into()));
        words
    }
}

fn file(word: Option<&String>, option: &str) -> Done<PathBuf> {
    absolute(word.ok_or_else(|| format!("{option} wants a file"))?)
}

fn absolute(path: &str) -> Done<PathBuf> {
    Ok(std::path::absolute(path)?)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::path::Path;

    fn parse(line: &str) -> Done<Ask> {
        Ask::parse(&line.split_whitespace().map(str::to_owned).collect::<Vec<_>>())
    }

    #[test]
    fn a_board_and_a_device_are_enough() {
        let ask = parse("raspberrypi /dev/sdb").unwrap();
        assert_eq!((ask.board.as_str(), ask.yes), ("raspberrypi", false));
        assert_eq!(ask.device.as_deref(), Some(Path::new("/dev/sdb")));
    }

    #[test]
    fn without_a_device_it_is_for_those_that_there_are() {
        assert_eq!(parse("raspberrypi").unwrap().device, None);
        assert!(parse("").is_err());
        assert!(parse("raspberrypi /dev/sdb /dev/sdc").is_err());
    }

    #[test]
    fn an_option_that_is_not_known_or_has_no_file_is_an_error() {
        assert!(parse("raspberrypi /dev/sdb --force").unwrap_err().to_string().contains("--force"));
        assert!(parse("raspberrypi --settings").unwrap_err().to_string().contains("wants a file"));
    }

    #[test]
    fn root_is_asked_the_same() {
        let ask = parse("raspberrypi /dev/sdb --yes --settings /tmp/s.toml --image /tmp/i.img").unwrap();
        let words = ask.words(Path::new("/tmp/i.img"));
        let words: Vec<_> = words.iter().skip(1).map(|word| word.to_string_lossy().into_owned()).collect();
        assert_eq!(Ask::parse(&words).unwrap(), ask);
    }
}
