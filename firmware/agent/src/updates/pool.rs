//! The threads that wait for cards and peers, so that the one with the machine does not.

use super::{
    catalogue::Listed,
    hands::Hands,
    materials::{Materials, UnreadyError},
    work::Message,
};
use model::ReleaseId;
use std::{
    io,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Receiver, Sender},
    },
    thread::{self, JoinHandle},
};
use update::{Effect, Order, WIDTH};

/// Something to do.
pub enum Job {
    /// What the machine wants.
    Act(Effect),
    /// Gathering what a release is made from.
    Gather(Box<Listed>),
}

/// What came of gathering.
pub type Gathered = Result<Option<(Order, Materials)>, UnreadyError>;

/// The threads: as many as the machine has effects under way.
pub struct Pool {
    hands: Arc<Hands>,
    jobs: Option<Sender<Job>>,
    threads: Vec<JoinHandle<()>>,
}

impl Pool {
    /// Starts them; what came of each job is told to `outbox`.
    pub fn start(hands: &Arc<Hands>, outbox: &Sender<Message>) -> io::Result<Self> {
        let (jobs, queue) = mpsc::channel();
        let queue = Arc::new(Mutex::new(queue));
        let mut threads = Vec::new();
        for _ in 0..WIDTH {
            let (hands, queue, outbox) = (hands.clone(), queue.clone(), outbox.clone());
            let work = move || work(&hands, &queue, &outbox);
            threads.push(thread::Builder::new().name("update".into()).spawn(work)?);
        }
        Ok(Self { hands: hands.clone(), jobs: Some(jobs), threads })
    }

    /// Has something done.
    pub fn give(&self, job: Job) {
        if self.jobs.as_ref().is_some_and(|jobs| jobs.send(job).is_err()) {
            tracing::error!("the threads of updates have ended");
        }
    }

    /// Ends them; none waits any more.
    pub fn stop(mut self) {
        self.hands.stop();
        self.jobs = None;
        for thread in self.threads.drain(..) {
            if thread.join().is_err() {
                tracing::error!("a thread of updates ended by a panic");
            }
        }
    }
}

fn work(hands: &Hands, queue: &Mutex<Receiver<Job>>, outbox: &Sender<Message>) {
    loop {
        let job = queue.lock().unwrap_or_else(PoisonError::into_inner).recv();
        let Ok(job) = job else { return };
        if hands.is_stopping() {
            continue;
        }
        let message = match job {
            Job::Act(Effect { ticket, act }) => Message::Ended(ticket, hands.carry_out(act)),
            Job::Gather(listed) => {
                let id: ReleaseId = listed.id;
                Message::Gathered(id, Box::new(Materials::gather(hands, &listed)))
            }
        };
        if outbox.send(message).is_err() {
            return;
        }
    }
}
