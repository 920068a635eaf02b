//! The thread that asks judges, one task at a time: a judge may take its whole deadline, and nobody waits for it.

use super::post::{News, Post};
use ledger::{JudgeTask, Outcome};
use std::{
    io,
    sync::mpsc::{self, Receiver, Sender},
    thread::{self, JoinHandle},
};

/// Runs a judge and waits for what it says.
pub type Judge = Box<dyn Fn(&JudgeTask) -> Outcome + Send>;

/// Asks the thread. It ends with the last of these.
pub struct Judging(Sender<JudgeTask>);

impl Judging {
    /// Starts the thread; what judges say is news.
    pub fn start(judge: Judge, post: Post) -> io::Result<(Self, JoinHandle<()>)> {
        let (tasks, queue) = mpsc::channel();
        let thread =
            thread::Builder::new().name("judges".into()).spawn(move || serve(&judge, &post, &queue))?;
        Ok((Self(tasks), thread))
    }

    /// Has a judge asked. There are never many: the replica asks each once, for one merge at a time.
    pub fn ask(&self, task: JudgeTask) {
        // An error means that the thread ended by a panic, which is in the log; what was asked stays unanswered.
        let _ended = self.0.send(task);
    }
}

fn serve(judge: &Judge, post: &Post, queue: &Receiver<JudgeTask>) {
    for task in queue {
        let outcome = judge(&task);
        if !post.tell_blocking(News::Judged { task: task.id(), outcome }) {
            return;
        }
    }
}
