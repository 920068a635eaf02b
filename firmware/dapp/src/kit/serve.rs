//! Connects a program to the agent's local API.
//!
//! One thread, one loop: what happens goes into the program, what it wants goes to a task for each device
//! and to the queue of events, and nothing in the loop waits for an answer. The heartbeat is sent by the loop
//! itself, so a loop that does not turn is found out. At the end (SIGTERM) every output is made safe.

use super::{
    feed::FeedLine,
    news::{Command, News, Program},
    queue::Queue,
    recall,
    switch::{Switches, Words},
    time::Ticks,
    writer,
};
use crate::{
    client::{Client, Item, Stream},
    wire::{DocumentChange, DocumentsRequest, InputLine},
};
use std::{future::Future, sync::Arc, time::Duration};
use tokio::{
    sync::{Notify, mpsc},
    task::JoinHandle,
    time::Instant,
};

/// How often the agent is asked for the time and the devices; and while it is away.
const ASK_MS: (u64, u64) = (10_000, 250);
/// How often the loop turns at least, and says that it does.
const TURN_MS: u64 = 1_000;
/// How long the end may take: devices, then events. Together below dapp.toml's `timeout_ms`.
const END_MS: u64 = 1_000;

/// Serves the program until `stop`.
pub async fn serve<P: Program>(client: Client, program: P, stop: impl Future<Output = ()>) {
    let queue = Arc::new(Queue::new(P::NAME));
    let lost = Arc::new(Notify::new());
    let (sender, news) = mpsc::unbounded_channel();
    let ask = tokio::spawn(ask(client.clone(), sender.clone(), lost.clone()));
    let sending = queue.clone();
    let send_client = client.clone();
    let send = tokio::spawn(async move { sending.send(send_client).await });
    let (documents, requests) = mpsc::unbounded_channel();
    let write = tokio::spawn(writer::write(client.clone(), requests, sender.clone()));
    let recall = P::RECALLS.then(|| {
        let (queue, client, news) = (queue.clone(), client.clone(), sender.clone());
        tokio::spawn(async move { recall::recall(P::NAME, client, queue.first().await, news).await })
    });
    let words = Words { dapp: P::NAME, relay: P::RELAY };
    let switches = Switches::new(words, &client, queue.clone(), sender);
    let hands = Hands { switches, queue: queue.clone(), documents };
    let mut serving = Serving { client, program, hands, start: Instant::now(), lost, heartbeat: None };
    serving.run(news, stop).await;
    serving.end(&queue).await;
    [ask, send, write].iter().chain(&recall).for_each(JoinHandle::abort);
}

struct Serving<P> {
    client: Client,
    program: P,
    hands: Hands,
    start: Instant,
    /// Rung when the agent is gone.
    lost: Arc<Notify>,
    heartbeat: Option<JoinHandle<()>>,
}

/// What carries out commands; never waits.
struct Hands {
    switches: Switches,
    queue: Arc<Queue>,
    documents: mpsc::UnboundedSender<DocumentsRequest>,
}

impl Hands {
    fn carry_out(&mut self, commands: Vec<Command>) {
        for command in commands {
            match command {
                Command::Hold { device, for_ms, events } => self.switches.hold(device, for_ms, events),
                Command::Release { device } => self.switches.release(device),
                Command::Set { device, on } => self.switches.set(device, on),
                Command::Event(event) => self.queue.push(event),
                Command::Write { path, document, message } => {
                    let changes = vec![DocumentChange::Write { path, document }];
                    // The task ends only after its sender.
                    drop(self.documents.send(DocumentsRequest { message, changes }));
                }
            }
        }
    }
}

impl<P: Program> Serving<P> {
    async fn run(&mut self, mut news: mpsc::UnboundedReceiver<News>, stop: impl Future<Output = ()>) {
        let mut inputs: Stream<InputLine> = self.client.inputs();
        let mut watch: Stream<FeedLine> = self.client.follow(&watched::<P>());
        let mut tentative: Option<Stream<FeedLine>> = None;
        let mut turn = tokio::time::interval(Duration::from_millis(TURN_MS));
        let mut stop = std::pin::pin!(stop);
        loop {
            let wake = self.wake();
            self.follow_tentative(&mut tentative);
            tokio::select! {
                // In this order: a badge before a change of the ledger, both before time.
                biased;
                () = &mut stop => return,
                item = inputs.next() => self.input(item),
                Some(said) = news.recv() => self.take(said),
                item = watch.next() => self.feed(item),
                item = next_of(&mut tentative) => self.feed_tentative(item),
                () = tokio::time::sleep_until(wake) => self.take(News::Tick),
                _ = turn.tick() => self.beat(),
            }
        }
    }

    fn input(&mut self, item: Item<InputLine>) {
        match item {
            Item::Line(line) => self.take(News::Input(line)),
            Item::Lost(error) => {
                eprintln!("{}: inputs: {error}", P::NAME);
                self.take(News::Lost);
                self.lost.notify_one();
            }
        }
    }

    fn feed(&mut self, item: Item<FeedLine>) {
        match item {
            Item::Line(line) => self.take(News::Feed(line)),
            // What was read stays and decides.
            Item::Lost(error) => eprintln!("{}: watch: {error}", P::NAME),
        }
    }

    /// Follows the tentative state while it is wanted.
    fn follow_tentative(&mut self, stream: &mut Option<Stream<FeedLine>>) {
        match (self.program.wants_tentative(), stream.is_some()) {
            (true, false) => {
                *stream = Some(self.client.follow(&format!("{}&state=tentative", watched::<P>())));
            }
            (false, true) => {
                *stream = None;
                self.take(News::Tentative(None));
            }
            _ => {}
        }
    }

    fn feed_tentative(&mut self, item: Item<FeedLine>) {
        match item {
            Item::Line(line) => self.take(News::Tentative(Some(line))),
            Item::Lost(error) => {
                eprintln!("{}: watch of the tentative state: {error}", P::NAME);
                self.take(News::Tentative(None));
            }
        }
    }

    fn take(&mut self, news: News) {
        let commands = self.program.step(self.now(), news);
        self.hands.carry_out(commands);
    }

    /// Says that the loop turns; one word at a time.
    fn beat(&mut self) {
        if self.heartbeat.as_ref().is_none_or(JoinHandle::is_finished) {
            let client = self.client.clone();
            self.heartbeat = Some(tokio::spawn(async move {
                // The agent counts the words that it hears; a lost one is followed by another.
                drop(client.alive().await);
            }));
        }
    }

    fn now(&self) -> Ticks {
        Ticks(self.start.elapsed().as_millis() as u64)
    }

    fn wake(&self) -> Instant {
        let now = self.now();
        let far = now + 3_600_000;
        let at = self.program.next_wake(now).unwrap_or(far).min(far);
        self.start + Duration::from_millis(at.0)
    }

    /// Everything safe, then the events that still wait.
    async fn end(mut self, queue: &Queue) {
        self.take(News::Stop);
        let patience = Duration::from_millis(END_MS);
        self.hands.switches.finish(patience).await;
        let sent = async {
            while !queue.is_empty() {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        if tokio::time::timeout(patience, sent).await.is_err() {
            eprintln!("{}: the agent is away; events that were not sent are gone", P::NAME);
        }
    }
}

/// What a program needs of the ledger: its own documents, and people.
fn watched<P: Program>() -> String {
    format!("/v1/watch?folder={}&folder=people", P::NAME)
}

/// The next item of a stream; never, without one.
async fn next_of(stream: &mut Option<Stream<FeedLine>>) -> Item<FeedLine> {
    match stream {
        Some(stream) => stream.next().await,
        None => std::future::pending().await,
    }
}

/// Asks the agent for the time and the devices, again and again.
async fn ask(client: Client, news: mpsc::UnboundedSender<News>, lost: Arc<Notify>) {
    loop {
        let answered = match (client.info().await, client.devices().await) {
            (Ok(info), Ok(list)) => {
                let sent = news.send(News::Info(Box::new(info)));
                sent.and_then(|()| news.send(News::Devices(list.devices))).is_ok()
            }
            _ => false,
        };
        let pause = Duration::from_millis(if answered { ASK_MS.0 } else { ASK_MS.1 });
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = lost.notified() => tokio::time::sleep(Duration::from_millis(ASK_MS.1)).await,
        }
    }
}
