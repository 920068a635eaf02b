//! What only root may do: containers, control groups, network namespaces.
//!
//! Root does it itself; anybody else by sudo, with the environment kept. What root leaves in a folder of ours is
//! given back to us afterwards, so that `git clean` and `rm -rf target` need no sudo.

use crate::shell::{Done, command, have, output, run, say};
use std::{
    fs,
    path::Path,
    process::{Child, Command, ExitStatus},
};

/// Runs a program, waits until it has really ended, and gives a folder back. A shell does it, as root: it lives on
/// when a signal ends us, and tells the program of the signal. Unpacked images go: their owners are none of ours.
const AND_BACK: &str = r#"
user=$1 folder=$2; shift 2
trap 'told=1; kill -TERM $program 2>/dev/null' INT TERM HUP
"$@" <&0 & program=$!
[ -z "$told" ] || kill -TERM $program 2>/dev/null
while wait $program; status=$?; kill -0 $program 2>/dev/null; do :; done
rm -rf "$folder/cache"; chown -R "$user" "$folder"
exit $status"#;

/// Whether we are root.
pub fn is_root() -> bool {
    // The owner of /proc/self is the effective user.
    fs::metadata("/proc/self").is_ok_and(|meta| std::os::unix::fs::MetadataExt::uid(&meta) == 0)
}

/// Whether root can be had; says so where a password may be asked for.
pub fn needed() -> Done {
    if is_root() {
        return Ok(());
    }
    if !have("sudo") {
        return Err("containers need root, and there is no sudo here: install it, or run this as root".into());
    }
    say("Containers need root: sudo starts them, and may ask for your password.");
    Ok(())
}

/// A command as root.
pub fn as_root(program: impl AsRef<std::ffi::OsStr>) -> Command {
    if is_root() {
        return command(program);
    }
    let mut sudo = command("sudo");
    sudo.arg("--preserve-env").arg(program);
    sudo
}

/// A command as root, which leaves a folder to us however it ends.
pub fn as_root_and_back(folder: &Path, program: &Path) -> Done<Command> {
    if is_root() {
        return Ok(command(program));
    }
    let mut sudo = as_root("sh");
    and_back(&mut sudo, &user()?, folder, program);
    Ok(sudo)
}

fn and_back(shell: &mut Command, user: &str, folder: &Path, program: &Path) {
    shell.args(["-c", AND_BACK, "sh", user]).arg(folder).arg(program);
}

/// Ends a program that was started as root, as init would.
pub fn end(program: &mut Child) -> Done<ExitStatus> {
    run(as_root("kill").args(["-TERM", &program.id().to_string()]))?;
    Ok(program.wait()?)
}

/// What root left in a folder belongs to us again.
pub fn give_back(folder: &Path) -> Done {
    if is_root() { Ok(()) } else { run(as_root("chown").arg("-R").arg(user()?).arg(folder)) }
}

/// Who we are, as `chown` wants it: user and group by number.
fn user() -> Done<String> {
    let id = |which: &str| output(command("id").arg(which));
    Ok(format!("{}:{}", id("-u")?.trim(), id("-g")?.trim()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{
        path::PathBuf,
        time::{Duration, Instant},
    };

    /// A folder of the test's own, with an image in its cache.
    fn folder(name: &str) -> PathBuf {
        let folder = std::env::temp_dir().join(format!("xtask-{}-{name}", std::process::id()));
        fs::create_dir_all(folder.join("cache/images")).unwrap();
        folder
    }

    /// The shell of a terminal, wherever the tests run: what runs in the background is not told of Ctrl-C.
    fn started(folder: &Path, script: &str) -> Child {
        let mut shell = command("env");
        shell.args(["--default-signal=INT,TERM,HUP", "sh"]);
        and_back(&mut shell, &user().unwrap(), folder, Path::new("sh"));
        shell.args(["-c", script]).spawn().unwrap()
    }

    fn ended(mut child: Child, folder: &Path) -> Option<i32> {
        let status = child.wait().unwrap();
        assert!(!folder.join("cache").exists(), "the folder was given back");
        fs::remove_dir_all(folder).unwrap();
        status.code()
    }

    #[test]
    fn a_program_that_ends_by_itself_says_how_it_went() {
        for wanted in [0, 3] {
            let folder = folder(&format!("ends-{wanted}"));
            assert_eq!(ended(started(&folder, &format!("exit {wanted}")), &folder), Some(wanted));
        }
    }

    #[test]
    fn a_program_that_a_signal_ends_is_waited_for_before_its_folder_is_given_back() {
        for signal in ["-TERM", "-HUP", "-INT"] {
            let folder = folder(signal);
            let slow = format!(
                "trap 'sleep 0.3; touch {0}/cache/late; exit 7' TERM; touch {0}/up; while :; do sleep 0.05; done",
                folder.display()
            );
            let shell = started(&folder, &slow);
            let begun = Instant::now();
            while !folder.join("up").exists() {
                assert!(begun.elapsed() < Duration::from_secs(10), "the program starts");
                std::thread::sleep(Duration::from_millis(10));
            }
            run(command("kill").args([signal, &shell.id().to_string()])).unwrap();
            assert_eq!(ended(shell, &folder), Some(7));
        }
    }
}
