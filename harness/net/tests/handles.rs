//! The handles can be moved, shared and boxed wherever code under test puts them.

mod support;

use std::convert::Infallible;

use bytes::Bytes;
use deadzone_net::http::{Client, Disconnect, Error, client, serve};
use deadzone_net::{Crash, Draws, Host, Listener, Net, Resetter, Stream, yields};
use http::{Request, Response};
use support::{PORT, run, two_hosts};
use tower::util::BoxCloneSyncService;
use tower::{ServiceExt, service_fn};

fn shareable<T: Send + Sync + 'static>() {}
fn movable<T: Send>(_: &T) {}

#[test]
fn handles_and_futures_can_move_between_threads() {
    shareable::<(Net, Host, Listener, Stream, Resetter, Client, Error, Draws)>();
    run(async |net| {
        let (near, far) = two_hosts(&net);
        let mut listener = far.listen(PORT).unwrap();
        movable(&net.drive());
        movable(&net.kill(near.id(), Crash::Kill));
        movable(&near.connect(far.id(), PORT));
        movable(&listener.accept());
        movable(&near.yield_point(Draws::new(1).key("yield")));
        movable(&yields(1));
    });
}

#[test]
fn boxed_services_fit_both_ends() {
    type Boxed<E> = BoxCloneSyncService<Request<Bytes>, Response<Bytes>, E>;
    run(async |net| {
        let (near, far) = two_hosts(&net);
        let answer = |request: Request<Bytes>| async { Ok(Response::new(request.into_body())) };
        let never_fails: Boxed<Infallible> = BoxCloneSyncService::new(service_fn(answer));
        far.spawn(serve(far.clone(), far.listen(PORT).unwrap(), never_fails));
        let refuse = |_: Request<Bytes>| async { Err(Disconnect::Reset) };
        let always_fails: Boxed<Disconnect> = BoxCloneSyncService::new(service_fn(refuse));
        far.spawn(serve(far.clone(), far.listen(PORT + 1).unwrap(), always_fails));
        for (port, expected) in [(PORT, true), (PORT + 1, false)] {
            let transport: Boxed<String> = BoxCloneSyncService::new(
                client(near.clone(), far.id(), port).map_err(|error| error.to_string()),
            );
            let request = Request::get("/").body(Bytes::new()).unwrap();
            assert_eq!(transport.oneshot(request).await.is_ok(), expected);
        }
    });
}
