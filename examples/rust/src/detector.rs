//! Calls of the server: for one photo, and for many on a stream.

use std::error::Error;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use std::{io, iter};

use tokio::fs;
use tokio::sync::{Semaphore, mpsc};
use tokio::time::{Instant, sleep, timeout_at};
use tokio_stream::wrappers::ReceiverStream;
use tonic::metadata::{Ascii, MetadataValue};
use tonic::transport::Channel;
use tonic::{Code, Request, Status, TimeoutExpired};

use crate::protos::facewire::v1::detect_request::Image;
use crate::protos::facewire::v1::detect_service_client::DetectServiceClient;
use crate::protos::facewire::v1::detect_stream_response::Result as Answer;
use crate::protos::facewire::v1::{DetectRequest, DetectResponse, DetectStreamRequest};
use crate::report::{Failure, report};

const MAX_ATTEMPTS: u32 = 5;
const WINDOW: usize = 16; // photos of a stream that are on their way at a time

pub struct Detector {
    client: DetectServiceClient<Channel>,
    authorization: Option<MetadataValue<Ascii>>,
    timeout: Duration,
}

impl Detector {
    /// `timeout` is what a photo may take, all attempts included.
    pub fn new(
        channel: Channel,
        authorization: Option<MetadataValue<Ascii>>,
        timeout: Duration,
    ) -> Self {
        let client = DetectServiceClient::new(channel);
        Self { client, authorization, timeout }
    }

    /// Asks for one photo; returns whether it was answered.
    pub async fn detect(&self, path: &Path) -> bool {
        let result = match read(path).await {
            Ok(photo) => self.call(photo).await.map_err(Failure::from),
            Err(error) => Err(error.into()),
        };
        report(path, result)
    }

    /// Calls Detect; asks again when the server is full, absent, or has stopped just now: then it
    /// cancels calls that it has not begun.
    ///
    /// tonic has no retries of its own. These are those of gRPC's service config: after the time
    /// that the server asks for, if it does.
    async fn call(&self, photo: DetectRequest) -> Result<DetectResponse, Status> {
        let deadline = Instant::now() + self.timeout;
        let mut client = self.client.clone();
        let mut backoff = Duration::from_millis(100);
        for attempt in 1.. {
            let call = client.detect(self.request(photo.clone(), deadline));
            let status = match in_time(deadline, call).await {
                Ok(response) => return Ok(response.into_inner()),
                Err(status) => status,
            };
            let retried = matches!(
                status.code(),
                Code::Unavailable | Code::ResourceExhausted | Code::Cancelled
            );
            let Some(delay) = delay(&status, backoff).filter(|_| retried && attempt < MAX_ATTEMPTS)
            else {
                return Err(status);
            };
            if Instant::now() + delay >= deadline {
                return Err(status);
            }
            sleep(delay).await;
            backoff = (2 * backoff).min(Duration::from_secs(2));
        }
        unreachable!("the last attempt returns")
    }

    /// Sends photos on one stream, which answers them in their order.
    ///
    /// Returns whether all were answered.
    pub async fn detect_all(&self, paths: Vec<PathBuf>) -> bool {
        let deadline = Instant::now() + self.timeout * paths.len() as u32;
        let (requests, outgoing) = mpsc::channel(1);
        let (order, mut photos) = mpsc::unbounded_channel();
        let window = Arc::new(Semaphore::new(WINDOW));
        let slots = window.clone();
        tokio::spawn(async move {
            for path in paths {
                slots.acquire().await.expect("the semaphore is never closed").forget();
                match read(&path).await {
                    Ok(photo) => {
                        let request =
                            DetectStreamRequest { request: Some(photo), ..Default::default() };
                        let _ = order.send((path, None));
                        let _ = requests.send(request).await; // an error: the stream is broken
                    }
                    Err(error) => {
                        let _ = order.send((path, Some(error)));
                    }
                }
            }
        });
        let mut client = self.client.clone();
        let call = client.detect_stream(self.request(ReceiverStream::new(outgoing), deadline));
        let mut answers = in_time(deadline, call).await.map(|response| response.into_inner());
        let mut answered = true;
        while let Some((path, unreadable)) = photos.recv().await {
            let result = match (&mut answers, unreadable) {
                (_, Some(error)) => Err(error.into()),
                (Err(broken), _) => Err(broken.clone().into()),
                (Ok(stream), _) => match in_time(deadline, stream.message()).await {
                    Ok(answer) => match answer.and_then(|answer| answer.result) {
                        Some(Answer::Response(response)) => Ok(response),
                        Some(Answer::Error(error)) => Err(error.into()),
                        None => Err(Status::internal("the server ended the stream early").into()),
                    },
                    Err(broken) => {
                        answers = Err(broken.clone());
                        Err(broken.into())
                    }
                },
            };
            answered &= report(&path, result);
            window.add_permits(1);
        }
        answered
    }

    fn request<T>(&self, message: T, deadline: Instant) -> Request<T> {
        let mut request = Request::new(message);
        request.set_timeout(deadline - Instant::now());
        if let Some(authorization) = &self.authorization {
            request.metadata_mut().insert("authorization", authorization.clone());
        }
        request
    }
}

/// Returns the time that the server asks for, else `backoff`; None: not to be tried again.
///
/// By gRPC's rules any other value of the header than a number of milliseconds says that.
fn delay(status: &Status, backoff: Duration) -> Option<Duration> {
    match status.metadata().get("grpc-retry-pushback-ms") {
        Some(pushback) => pushback.to_str().ok()?.parse().ok().map(Duration::from_millis),
        None => Some(backoff),
    }
}

async fn in_time<T>(
    deadline: Instant,
    call: impl Future<Output = Result<T, Status>>,
) -> Result<T, Status> {
    match timeout_at(deadline, call).await {
        Ok(Err(status)) if !is_timeout(&status) => Err(status),
        Ok(Ok(response)) => Ok(response),
        _ => Err(Status::deadline_exceeded("no answer in time")),
    }
}

/// Tells the CANCELLED of tonic's own timer from that of a server.
fn is_timeout(status: &Status) -> bool {
    iter::successors(status.source(), |&error| error.source())
        .any(|error| error.is::<TimeoutExpired>())
}

async fn read(path: &Path) -> io::Result<DetectRequest> {
    let image = Image::EncodedImage(fs::read(path).await?.into());
    Ok(DetectRequest { image: Some(image), ..Default::default() })
}
