//! What a client sees of connecting: latency, refusal, silence, and being offline.

mod support;

use std::io::ErrorKind;

use deadzone_net::{Crash, Link, NetEvent, Why};
use support::{PORT, connection, link, ms, run, secs, timed, two_hosts};
use tokio::time::{sleep, timeout};

#[test]
fn connecting_takes_one_round_trip_and_accepting_half_a_one_more() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let mut listener = server.listen(PORT).unwrap();
        let accepting = async {
            let (stream, time) = timed(listener.accept()).await;
            assert_eq!((stream.here(), stream.peer()), (server.id(), client.id()));
            time
        };
        let connecting = async {
            let (stream, time) = timed(client.connect(server.id(), PORT)).await;
            let stream = stream.unwrap();
            assert_eq!((stream.here(), stream.peer()), (client.id(), server.id()));
            sleep(secs(1)).await;
            time
        };
        assert_eq!(tokio::join!(connecting, accepting), (ms(40), ms(60)));
    });
}

#[test]
fn a_port_without_a_listener_refuses_after_one_round_trip() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let (result, time) = timed(client.connect(server.id(), PORT)).await;
        assert_eq!((result.unwrap_err().kind(), time), (ErrorKind::ConnectionRefused, ms(40)));
        drop(server.listen(PORT).unwrap());
        let result = client.connect(server.id(), PORT).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::ConnectionRefused);
    });
}

#[test]
fn silence_times_out_after_seven_attempts() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let _listener = server.listen(PORT).unwrap();
        net.change_link(client.id(), server.id(), |link| link.cut = true);
        let (result, time) = timed(client.connect(server.id(), PORT)).await;
        assert_eq!((result.unwrap_err().kind(), time), (ErrorKind::TimedOut, secs(127)));
        assert_eq!((net.stats().lost, net.stats().retransmitted), (7, 6));
    });
}

#[test]
fn a_handshake_whose_answer_is_cut_off_times_out_as_well() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let mut listener = server.listen(PORT).unwrap();
        net.change_link(server.id(), client.id(), |link| link.cut = true);
        let connecting = timed(client.connect(server.id(), PORT));
        let (connected, accepted) = tokio::join!(connecting, timeout(secs(600), listener.accept()));
        assert_eq!((connected.0.unwrap_err().kind(), connected.1), (ErrorKind::TimedOut, secs(127)));
        assert!(accepted.is_err(), "a handshake that was not completed is not accepted");
        assert_eq!(net.stats().connections_held, 0);
    });
}

#[test]
fn a_handshake_whose_last_message_is_lost_is_completed_a_second_later() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let mut listener = server.listen(PORT).unwrap();
        let cutting = async {
            sleep(ms(30)).await;
            net.change_link(client.id(), server.id(), |link| link.cut = true);
            sleep(ms(30)).await;
            net.change_link(client.id(), server.id(), |link| link.cut = false);
        };
        let connecting = client.connect(server.id(), PORT);
        let (stream, accepted, ()) = tokio::join!(connecting, timed(listener.accept()), cutting);
        assert_eq!((stream.is_ok(), accepted.1), (true, ms(20 + 1_000 + 40)));
    });
}

#[test]
fn an_attempt_goes_through_when_the_link_comes_back() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let _listener = server.listen(PORT).unwrap();
        net.set_link(client.id(), server.id(), Link { cut: true, ..link() });
        let mending = async {
            sleep(ms(2_500)).await;
            net.set_link(client.id(), server.id(), link());
        };
        let (connected, ()) = tokio::join!(timed(client.connect(server.id(), PORT)), mending);
        assert_eq!((connected.0.is_ok(), connected.1), (true, ms(3_040)));
    });
}

#[test]
fn airplane_mode_fails_at_once_here_and_is_silent_there() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let _listener = server.listen(PORT).unwrap();
        let struck = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
        let record = struck.clone();
        net.observe(Box::new(move |event| record.lock().unwrap().push(event.clone())));
        net.set_interface(client.id(), false);
        let (result, time) = timed(client.connect(server.id(), PORT)).await;
        assert_eq!((result.unwrap_err().kind(), time), (ErrorKind::NetworkUnreachable, ms(0)));
        let stopped = NetEvent::Stopped { from: client.id(), to: server.id(), why: Why::InterfaceDown };
        assert_eq!(*struck.lock().unwrap(), [stopped]);

        net.set_interface(client.id(), true);
        net.set_interface(server.id(), false);
        let (result, time) = timed(client.connect(server.id(), PORT)).await;
        assert_eq!((result.unwrap_err().kind(), time), (ErrorKind::TimedOut, secs(127)));
    });
}

#[test]
fn a_machine_without_power_is_silent() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        net.kill(server.id(), Crash::PowerLoss).await;
        let (result, time) = timed(client.connect(server.id(), PORT)).await;
        assert_eq!((result.unwrap_err().kind(), time), (ErrorKind::TimedOut, secs(127)));
    });
}

#[test]
fn an_attempt_that_is_given_up_leaves_nothing() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let mut listener = server.listen(PORT).unwrap();
        for pause in [0, 10, 30] {
            let attempt = timeout(ms(pause), client.connect(server.id(), PORT));
            assert!(attempt.await.is_err());
        }
        assert!(timeout(secs(60), listener.accept()).await.is_err());
        assert_eq!(net.stats().connections_held, 0);
    });
}

#[test]
fn a_full_backlog_keeps_the_next_waiting_until_there_is_room() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let mut listener = server.listen(PORT).unwrap();
        let mut waiting = Vec::new();
        for _ in 0..1024 {
            waiting.push(client.connect(server.id(), PORT).await.unwrap());
        }
        sleep(ms(20)).await;
        let mut last = std::pin::pin!(client.connect(server.id(), PORT));
        assert!(timeout(secs(10), &mut last).await.is_err());
        drop(listener.accept().await);
        assert!(timeout(secs(10), last).await.unwrap().is_ok());
    });
}

#[test]
fn a_closing_listener_resets_what_it_did_not_accept() {
    run(async |net| {
        let (client, server) = two_hosts(&net);
        let listener = server.listen(PORT).unwrap();
        let mut stream = client.connect(server.id(), PORT).await.unwrap();
        sleep(ms(20)).await;
        drop(listener);
        let (result, time) = timed(support::read_text(&mut stream)).await;
        assert_eq!((result.unwrap_err().kind(), time), (ErrorKind::ConnectionReset, ms(20)));
    });
}

#[test]
fn a_port_is_taken_until_its_listener_is_dropped() {
    run(async |net| {
        let (_, server) = two_hosts(&net);
        let first = server.listen(PORT).unwrap();
        assert_eq!(server.listen(PORT).unwrap_err().kind(), ErrorKind::AddrInUse);
        drop(first);
        assert!(server.listen(PORT).is_ok());
    });
}

#[test]
fn a_host_of_another_network_is_out_of_reach() {
    run(async |net| {
        let (client, _) = two_hosts(&net);
        let other = deadzone_net::Net::new(deadzone_net::Draws::new(2));
        let stranger = ["a", "b", "c"].map(|name| other.add_host(name))[2];
        let result = client.connect(stranger, PORT).await;
        assert_eq!(result.unwrap_err().kind(), ErrorKind::HostUnreachable);
    });
}

#[test]
fn a_host_reaches_itself_without_latency_and_without_an_interface() {
    run(async |net| {
        let (host, _) = two_hosts(&net);
        net.set_interface(host.id(), false);
        let (_, time) = timed(connection(&host, &host)).await;
        assert_eq!(time, ms(0));
    });
}
