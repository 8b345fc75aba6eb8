//! A server that answers each connection with a prepared response and keeps what it was sent.

use std::{
    io::{Read as _, Write as _},
    net::{TcpListener, TcpStream},
    sync::mpsc::{Receiver, channel},
    thread::JoinHandle,
};

pub(crate) enum Answer {
    /// All of it, then the connection is closed.
    Whole(String),
    /// This much, then nothing more until the client goes.
    Stalls(String),
}

pub(crate) struct Stub {
    pub(crate) url: String,
    sent: Receiver<String>,
    _thread: JoinHandle<()>,
}

impl Stub {
    /// Answers as many requests as there are answers, then listens no more.
    pub(crate) fn start(answers: Vec<Answer>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/v1", listener.local_addr().unwrap());
        let (keep, sent) = channel();
        let thread = std::thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                keep.send(read(&mut stream)).unwrap();
                let (Answer::Whole(text) | Answer::Stalls(text)) = &answer;
                stream.write_all(text.as_bytes()).unwrap();
                stream.flush().unwrap();
                if matches!(answer, Answer::Stalls(_)) {
                    // Until the client gives up; then the read ends.
                    let _ = stream.read(&mut [0]);
                }
            }
        });
        Self { url, sent, _thread: thread }
    }

    /// The requests so far, whole.
    pub(crate) fn requests(&self) -> Vec<String> {
        self.sent.try_iter().collect()
    }
}

fn read(stream: &mut TcpStream) -> String {
    let mut bytes = Vec::new();
    let mut buffer = [0; 4096];
    loop {
        let len = stream.read(&mut buffer).unwrap();
        bytes.extend_from_slice(&buffer[..len]);
        let text = String::from_utf8_lossy(&bytes);
        let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
        let wanted = head
            .lines()
            .find_map(|line| line.to_lowercase().strip_prefix("content-length:").map(|len| len.trim().parse::<usize>().unwrap()));
        if body.len() >= wanted.unwrap_or(0) || len == 0 {
            return text.into_owned();
        }
    }
}

pub(crate) fn refusal(status: &str, headers: &str, body: &str) -> Answer {
    Answer::Whole(format!(
        "HTTP/1.1 {status}\r\nContent-Type: application/json\r\n{headers}Content-Length: {}\r\nConnection: close\r\n\r\n{body}",
        body.len()
    ))
}

const STREAM: &str = "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n";

fn chunk(text: &str) -> String {
    format!("data: {{\"choices\":[{{\"index\":0,\"delta\":{{\"content\":\"{text}\"}},\"finish_reason\":null}}]}}\n\n")
}

/// A whole streamed answer in the chat completions format.
pub(crate) fn says(text: &str) -> Answer {
    let end = "data: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\n";
    Answer::Whole(format!("{STREAM}{}{end}data: [DONE]\n\n", chunk(text)))
}

/// The beginning of one, then silence.
pub(crate) fn begins(text: &str) -> Answer {
    Answer::Stalls(format!("{STREAM}{}", chunk(text)))
}

/// The beginning of one, then the end of the connection.
pub(crate) fn breaks_off(text: &str) -> Answer {
    Answer::Whole(format!("{STREAM}{}", chunk(text)))
}
