//! A server that goes away, and comes back.

use std::{
    ops::Range,
    sync::mpsc::{Receiver, Sender, channel},
    thread::JoinHandle,
    time::Duration,
};

use bus::{
    Bus as _, ErrorClass, Unit,
    conformance::{market, order_unit},
};
use bus_kafka::{KafkaBus, KafkaHandle, Options};
use rdkafka::{
    ClientConfig,
    consumer::{BaseConsumer, Consumer as _},
};
use servers::{Fault, KafkaCluster, KafkaServer, KafkaSettings, Proxy, often, tried};

use crate::{
    history::History,
    rig::{open, options, wall_clock},
};

fn unit_of(writer: usize, number: u64) -> Unit {
    match writer {
        0 => market(number * 5 - 4..=number * 5),
        _ => order_unit(&format!("risk/{writer}"), number..=number, number),
    }
}

/// Threads that write until they are told to stop, and say how often they were answered.
struct Load {
    threads: Vec<JoinHandle<History>>,
    stop: Vec<Sender<()>>,
    answered: Receiver<()>,
}

impl Load {
    fn start(handle: &KafkaHandle) -> Self {
        Self::of(handle, 0..3)
    }

    fn of(handle: &KafkaHandle, writers: Range<usize>) -> Self {
        let (say, answered) = channel();
        let mut stop = Vec::new();
        let threads = writers.map(|writer| {
            let (handle, say) = (handle.clone(), say.clone());
            let (stopper, stopped) = channel();
            stop.push(stopper);
            std::thread::spawn(move || {
                let mut history = History::default();
                for number in 1.. {
                    history.offer(&unit_of(writer, number), |units| handle.commit(units));
                    let _ = say.send(());
                    if stopped.try_recv().is_ok() {
                        break;
                    }
                }
                history
            })
        });
        Self { threads: threads.collect(), stop, answered }
    }

    /// Waits for some more answers.
    fn await_answers(&self, count: usize) {
        for _ in 0..count {
            self.answered.recv_timeout(Duration::from_secs(120)).unwrap();
        }
    }

    fn end(self) -> Vec<History> {
        self.stop.iter().for_each(|stop| stop.send(()).unwrap());
        self.threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    }
}

fn check(histories: &[History], bus: &mut KafkaBus) {
    History::check(&histories.iter().collect::<Vec<_>>(), bus);
}

#[test]
fn a_server_killed_under_load_loses_doubles_and_reorders_nothing() {
    let mut server = KafkaServer::start(KafkaSettings::default()).unwrap();
    let options = Options { patience: Duration::from_secs(60), ..options(&server.brokers()) };
    let mut bus = open(&options);
    let load = Load::start(&bus.handle());
    for _ in 0..often(2) {
        load.await_answers(100);
        server.kill().unwrap();
        server.start_again().unwrap();
    }
    load.await_answers(100);
    let histories = load.end();
    assert!(histories.iter().map(History::accepted).sum::<usize>() >= 300);
    check(&histories, &mut bus);
    drop(bus);
    check(&histories, &mut open(&options));
    tried("kills of the server", "Kafka", often(2));
}

/// With less patience than the outage is long, calls are refused and offered again.
#[test]
fn calls_given_up_during_an_outage_are_settled_before_the_next() {
    let mut server = KafkaServer::start(KafkaSettings::default()).unwrap();
    let patient = options(&server.brokers());
    drop(open(&patient));
    let impatient = Options { patience: Duration::from_secs(2), ..patient.clone() };
    let mut bus = open(&impatient);
    let load = Load::start(&bus.handle());
    for outage in 0..often(3) {
        let paused = outage % 3 == 1;
        load.await_answers(60);
        if paused {
            server.pause().unwrap();
            std::thread::park_timeout(Duration::from_secs(5));
            server.go_on().unwrap();
        } else {
            server.kill().unwrap();
            std::thread::park_timeout(Duration::from_secs(3));
            server.start_again().unwrap();
        }
    }
    load.await_answers(60);
    let histories = load.end();
    assert!(histories.iter().map(|history| history.refused).sum::<u64>() > 0, "some gave up");
    check(&histories, &mut bus);
    drop(bus);
    check(&histories, &mut open(&patient));
    tried("outages past patience", "Kafka", often(3));
}

/// Which node leads the one partition of the order topic.
fn leader(brokers: &str, options: &Options) -> i32 {
    let look: BaseConsumer =
        ClientConfig::new().set("bootstrap.servers", brokers).create().unwrap();
    let order = bus_kafka::Names::new(&options.prefix).order().to_owned();
    for _ in 0..600 {
        let metadata = look.fetch_metadata(Some(&order), Duration::from_secs(30)).unwrap();
        match metadata.topics()[0].partitions().first().map(|partition| partition.leader()) {
            Some(leader @ 1..) => return leader,
            _ => std::thread::park_timeout(Duration::from_millis(50)),
        }
    }
    panic!("nobody leads the order");
}

#[test]
fn a_cluster_that_loses_its_leader_loses_doubles_and_reorders_nothing() {
    let mut cluster = KafkaCluster::start().unwrap();
    let brokers = cluster.brokers();
    let options =
        Options { patience: Duration::from_secs(60), accept_lazy: false, ..options(&brokers) };
    let mut bus = open(&options);
    let load = Load::start(&bus.handle());
    for outage in 0..often(2) {
        load.await_answers(60);
        let number = leader(&brokers, &options);
        let node = cluster.node(number).unwrap();
        if outage % 2 == 0 {
            node.kill().unwrap();
            load.await_answers(60);
            node.start_again().unwrap();
        } else {
            // It wakes as one that believes to lead.
            node.pause().unwrap();
            load.await_answers(60);
            node.go_on().unwrap();
        }
    }
    load.await_answers(60);
    let histories = load.end();
    assert!(histories.iter().map(History::accepted).sum::<usize>() >= 300);
    check(&histories, &mut bus);
    drop(bus);
    check(&histories, &mut open(&options));
    tried("leaders killed or paused", "Kafka, three servers", often(2));
}

#[test]
fn connections_cut_and_stalled_lose_double_and_reorder_nothing() {
    let mut server = KafkaServer::prepared(KafkaSettings::default()).unwrap();
    let proxy = Proxy::in_front_of(server.port()).unwrap();
    server.settings().advertised = Some(proxy.port());
    server.start_again().unwrap();
    let options = Options { patience: Duration::from_secs(60), ..options(&server.brokers()) };
    let mut bus = open(&options);
    let load = Load::start(&bus.handle());
    for cut in 0..often(20) {
        load.await_answers(6);
        // Every part of a transaction is the last to pass once.
        proxy.cut_after(cut % 20 * 131 + cut / 20);
    }
    for fault in [Fault::Stall, Fault::StallAnswers, Fault::Refuse] {
        load.await_answers(30);
        proxy.set(fault);
        std::thread::park_timeout(Duration::from_secs(2));
        proxy.set(Fault::None);
    }
    load.await_answers(60);
    let histories = load.end();
    check(&histories, &mut bus);
    drop(bus);
    check(&histories, &mut open(&options));
    tried("connections cut", "Kafka", often(20));
}

/// A server whose disk is full goes down; what it answered before is there once it has room.
#[test]
fn a_server_whose_disk_is_full_loses_and_doubles_nothing_once_it_has_room() {
    let settings = KafkaSettings { disk_mb: Some(24), ..KafkaSettings::default() };
    let mut server = KafkaServer::start(settings).unwrap();
    let patient = options(&server.brokers());
    drop(open(&patient));
    let impatient = Options { patience: Duration::from_secs(5), ..patient.clone() };
    let mut bus = open(&impatient);
    let handle = bus.handle();
    let mut history = History::default();
    let mut number = 0;
    let refusal = loop {
        number += 1;
        let unit = market(number * 1000 - 999..=number * 1000);
        match handle.commit(vec![unit.clone()]) {
            Ok(answers) => history.accept(&unit, &answers),
            Err(error) => break error,
        }
        assert!(number < 1000, "its disk is small");
    };
    assert_eq!(refusal.class(), ErrorClass::Retry, "{refusal}");
    assert!(server.log().unwrap().contains("No space left on device"));
    server.resize_disk(400);
    // It may have gone down by itself.
    let _ = server.kill();
    server.start_again().unwrap();
    let again = market(number * 1000 - 999..=number * 1000);
    history.offer(&again, |units| handle.commit(units));
    check(std::slice::from_ref(&history), &mut bus);
    drop((handle, bus));
    check(&[history], &mut open(&patient));
}

#[test]
fn a_server_that_is_down_at_first_is_found_once_it_is_up() {
    let mut server = KafkaServer::prepared(KafkaSettings::default()).unwrap();
    let impatient = Options { patience: Duration::from_secs(1), ..options(&server.brokers()) };
    let error = KafkaBus::open(impatient.clone(), wall_clock).unwrap_err();
    assert_eq!(error.class(), ErrorClass::Retry, "{error}");
    let patient = Options { patience: Duration::from_secs(60), ..impatient };
    let opening = std::thread::spawn(move || open(&patient));
    server.start_again().unwrap();
    let mut bus = opening.join().unwrap();
    let _ = bus.commit(&[market(1..=3)]).unwrap();
}

/// The whole server is set back to an older state, as from a backup.
#[test]
fn a_server_that_was_set_back_is_noticed() {
    let mut server = KafkaServer::start(KafkaSettings::default()).unwrap();
    let options = options(&server.brokers());
    let mut bus = open(&options);
    let _ = bus.commit(&[market(1..=5)]).unwrap();
    let copy = tempfile::tempdir().unwrap();
    server.stop().unwrap();
    server.copy_store(copy.path()).unwrap();
    server.start_again().unwrap();
    let _ = bus.commit(&[order_unit("risk/A", 1..=3, 1)]).unwrap();
    let mut cut = bus::Cut::default();
    assert_eq!(bus.next(&mut cut, 100).unwrap().len(), 8);
    server.stop().unwrap();
    drop(bus);
    server.restore_store(copy.path()).unwrap();
    server.start_again().unwrap();
    let mut bus = open(&options);
    let error = bus.next(&mut cut, 100).unwrap_err();
    assert!(matches!(error, bus::BusError::StreamRewound { .. }), "{error}");
    let _ = bus.commit(&[order_unit("risk/B", 1..=9, 1)]).unwrap();
    let error = bus.next(&mut cut, 100).unwrap_err();
    assert!(matches!(error, bus::BusError::StreamRewound { .. }), "{error}");
}

/// What a server forgot of a transaction when it was killed holds nobody up: neither its writer, nor who
/// writes beside him under another name.
#[test]
fn writers_of_two_names_go_on_over_kills_of_their_server_and_nobody_is_refused() {
    let mut server = KafkaServer::start(KafkaSettings::default()).unwrap();
    let options = options(&server.brokers());
    let other = Options { name: "other".into(), ..options.clone() };
    let (mut bus, beside) = (open(&options), open(&other));
    let (load, loads) = (Load::of(&bus.handle(), 0..2), Load::of(&beside.handle(), 2..4));
    for _ in 0..often(2) {
        load.await_answers(100);
        loads.await_answers(50);
        server.kill().unwrap();
        server.start_again().unwrap();
    }
    load.await_answers(100);
    loads.await_answers(50);
    let histories: Vec<_> = loads.end().into_iter().chain(load.end()).collect();
    assert_eq!(histories.iter().map(|history| history.refused).sum::<u64>(), 0, "they go on");
    // A bus learns of what others wrote when it writes.
    let _ = bus.commit(&[order_unit("risk/last", 1..=1, 1)]).unwrap();
    check(&histories, &mut bus);
    drop((beside, bus));
    check(&histories, &mut open(&options));
    tried("kills of the server", "Kafka, two names", often(2));
}
