//! A small tracker on a real socket, right but for the fault it is told to have.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use futures_util::{SinkExt, StreamExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{mpsc, watch};
use tokio_tungstenite::accept_async_with_config;
use tokio_tungstenite::tungstenite::error::{CapacityError, Error};
use tokio_tungstenite::tungstenite::protocol::frame::CloseFrame;
use tokio_tungstenite::tungstenite::protocol::{Message, WebSocketConfig};

use crate::swarm::{Fault, Swarm};

/// Messages waiting for one socket; a case sends 300 scrapes at once.
const OUTBOX: usize = 1000;
const LONGEST_MESSAGE: usize = 256 * 1024;

/// Starts a tracker with this fault and gives its URL. It ends with the runtime.
pub(crate) async fn start(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
    let address = listener
        .local_addr()
        .expect("a bound socket has an address");
    let swarm = Arc::new(Mutex::new(Swarm::new(fault)));
    let (crash, _) = watch::channel(0_u32);
    tokio::spawn(async move {
        for number in 0.. {
            let Ok((stream, _)) = listener.accept().await else {
                return;
            };
            let (swarm, crash) = (Arc::clone(&swarm), crash.clone());
            tokio::spawn(serve(number, stream, swarm, crash));
        }
    });
    url(address)
}

fn url(address: SocketAddr) -> String {
    format!("ws://{address}/")
}

async fn serve(
    number: u64,
    stream: TcpStream,
    swarm: Arc<Mutex<Swarm>>,
    crash: watch::Sender<u32>,
) {
    let config = WebSocketConfig::default().max_message_size(Some(LONGEST_MESSAGE));
    let Ok(mut socket) = accept_async_with_config(stream, Some(config)).await else {
        return;
    };
    let (outbox, mut outgoing) = mpsc::channel(OUTBOX);
    let fault = {
        let mut swarm = swarm.lock().expect("no case panics here");
        swarm.connect(number, outbox);
        swarm.fault
    };
    let mut crashed = crash.subscribe();
    // The first socket is the bystander's, who must not notice anything.
    if fault == Fault::Deaf && number > 0 {
        return std::future::pending().await;
    }
    loop {
        tokio::select! {
            biased;
            _ = crashed.changed() => return,
            message = outgoing.recv() => {
                let Some(message) = message else { break };
                let is_close = matches!(message, Message::Close(_));
                if socket.send(message).await.is_err() || is_close {
                    break;
                }
            }
            message = socket.next() => {
                let text = match message {
                    Some(Ok(Message::Text(text))) => text.to_string(),
                    Some(Ok(Message::Binary(bytes))) => match String::from_utf8(bytes.to_vec()) {
                        Ok(text) => text,
                        Err(_) => "not UTF-8".to_owned(),
                    },
                    Some(Ok(Message::Ping(_) | Message::Pong(_) | Message::Frame(_))) => continue,
                    Some(Ok(Message::Close(_))) => continue,
                    Some(Err(error)) => {
                        let _ = socket.send(Message::Close(reason(&error))).await;
                        break;
                    }
                    None => break,
                };
                if fault == Fault::CrashesOnObject && text.contains(r#""info_hash":{}"#) {
                    crash.send_modify(|crashes| *crashes += 1);
                }
                swarm.lock().expect("no case panics here").hear(number, &text);
            }
        }
    }
    swarm
        .lock()
        .expect("no case panics here")
        .disconnect(number);
}

/// What to close with when a message cannot be read.
fn reason(error: &Error) -> Option<CloseFrame> {
    let is_too_long = matches!(error, Error::Capacity(CapacityError::MessageTooLong { .. }));
    let code: u16 = if is_too_long {
        1009
    } else if matches!(error, Error::Utf8(_)) {
        1007
    } else {
        1002
    };
    Some(CloseFrame {
        code: code.into(),
        reason: "".into(),
    })
}
