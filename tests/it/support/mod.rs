//! `TestApp`: the whole server in this process, on port 0, with everything embedded. Dropping it without `stop` is
//! fine; `stop` checks that nothing was left over.

use std::{sync::Arc, time::Duration};

use playhouse::{
    app::{self, App, BackEnds, Surroundings},
    config::Config,
    domain::clock::{Clock, ManualClock, SystemClock, Timestamp},
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde_json::{Value, json};

/// The time of this machine and whatever a test adds to it.
#[derive(Default)]
pub struct LaterClock(ManualClock);

impl LaterClock {
    pub fn advance(&self, duration: Duration) {
        self.0.advance(duration);
    }
}

impl Clock for LaterClock {
    fn now(&self) -> Timestamp {
        SystemClock.now().plus(self.0.now().since(Timestamp(0)))
    }
}

pub struct TestApp {
    app: Option<App>,
    pub url: String,
    pub client: Client,
    pub folder: tempfile::TempDir,
    pub clock: Arc<LaterClock>,
}

/// Someone who has signed in.
#[derive(Clone)]
pub struct Person {
    pub token: String,
    pub refresh_token: String,
    pub user: Value,
}

impl TestApp {
    pub async fn start() -> Self {
        Self::start_with(&[]).await
    }

    /// `settings` as the environment would give them: `("ROOMS__TICK_MS", "10")`.
    pub async fn start_with(settings: &[(&str, &str)]) -> Self {
        Self::start_in(tempfile::tempdir().expect("a folder for the test"), settings).await
    }

    pub async fn start_in(folder: tempfile::TempDir, settings: &[(&str, &str)]) -> Self {
        Self::start_at(folder, settings, Arc::default()).await
    }

    async fn start_at(folder: tempfile::TempDir, settings: &[(&str, &str)], clock: Arc<LaterClock>) -> Self {
        let config = config(folder.path(), settings);
        let program = env!("CARGO_BIN_EXE_playhouse").into();
        let surroundings = Surroundings { clock: clock.clone(), program, children: Vec::new() };
        let app = App::start(config, surroundings).await.expect("the app starts");
        let url = format!("http://{}", app.addr());
        Self { app: Some(app), url, client: Client::new(), folder, clock }
    }

    /// Stops in order and starts again on the same data.
    pub async fn restart(self) -> Self {
        self.restart_with(&[]).await
    }

    pub async fn restart_with(mut self, settings: &[(&str, &str)]) -> Self {
        self.app.take().expect("it runs").stop().await;
        Self::start_at(self.folder, settings, self.clock).await
    }

    /// Stops, lets `look` into what is stored, and starts again on it.
    pub async fn restart_after(mut self, look: impl AsyncFnOnce(&BackEnds)) -> Self {
        self.app.take().expect("it runs").stop().await;
        let config = config(self.folder.path(), &[]);
        let (_, back_ends) = app::accounts_alone(&config, self.clock.clone()).await.expect("its data");
        look(&back_ends).await;
        back_ends.store.close().await.expect("it closes");
        drop(back_ends);
        Self::start_at(self.folder, &[], self.clock).await
    }

    /// Stops in order and leaves the data, for somebody else to change.
    pub async fn halt(mut self) -> tempfile::TempDir {
        self.app.take().expect("it runs").stop().await;
        self.folder
    }

    pub async fn stop(mut self) {
        self.app.take().expect("it runs").stop().await;
    }

    pub fn admin(&self) -> (String, String) {
        let admin = self.app.as_ref().and_then(App::first_admin).expect("a first start makes an admin");
        (admin.username.clone(), admin.password.clone())
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.client.request(method, format!("{}{path}", self.url)).timeout(Duration::from_secs(30))
    }

    pub fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    pub fn post(&self, path: &str, body: Value) -> RequestBuilder {
        self.request(Method::POST, path).json(&body)
    }

    pub async fn register(&self, name: &str) -> Person {
        let body =
            json!({"username": name, "email": format!("{name}@example.org"), "password": "correct horse"});
        let response = self.post("/api/v1/auth/register", body).send().await.expect("an answer");
        person(response, StatusCode::CREATED).await
    }

    pub async fn login(&self, name: &str, password: &str) -> Person {
        let body = json!({"username": name, "password": password});
        let response = self.post("/api/v1/auth/login", body).send().await.expect("an answer");
        person(response, StatusCode::OK).await
    }

    /// Anew, for somebody who was registered here.
    pub async fn sign_in(&self, who: &Person) -> Person {
        self.login(who.user["username"].as_str().expect("a name"), "correct horse").await
    }

    /// Uploads a file by multipart; answers with the video.
    pub async fn upload(&self, who: &Person, bytes: Vec<u8>, visibility: &str) -> Value {
        let file = reqwest::multipart::Part::bytes(bytes).file_name("clip.mp4");
        let form = reqwest::multipart::Form::new()
            .text("title", "A clip")
            .text("visibility", visibility.to_owned())
            .part("file", file);
        let request = self.request(Method::POST, "/api/v1/videos").bearer_auth(&who.token).multipart(form);
        let response = request.send().await.expect("an answer");
        let status = response.status();
        let told: Value = response.json().await.expect("a video");
        assert_eq!(status, StatusCode::ACCEPTED, "{told}");
        told
    }

    /// The video once `ready` holds, within two minutes.
    pub async fn wait_for_video(&self, who: &Person, id: &str, ready: impl Fn(&Value) -> bool) -> Value {
        let deadline = tokio::time::Instant::now() + Duration::from_secs(120);
        loop {
            let request = self.get(&format!("/api/v1/videos/{id}")).bearer_auth(&who.token);
            let video: Value = request.send().await.expect("an answer").json().await.expect("a video");
            if ready(&video) {
                return video;
            }
            assert!(tokio::time::Instant::now() < deadline, "it never came to be: {video}");
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }
}

/// A valid configuration of a server in a folder.
pub fn config(folder: &std::path::Path, settings: &[(&str, &str)]) -> Config {
    let given = settings.iter().map(|(key, value)| (format!("PLAYHOUSE__{key}"), (*value).to_owned()));
    let own = [
        ("PLAYHOUSE__SERVER__LISTEN".to_owned(), "127.0.0.1:0".to_owned()),
        ("PLAYHOUSE__SERVER__DATA_DIR".to_owned(), folder.to_string_lossy().into_owned()),
        ("PLAYHOUSE__LIMITS__ENABLED".to_owned(), "false".to_owned()),
        ("PLAYHOUSE__AUTH__ARGON2_MEMORY_KIB".to_owned(), "8192".to_owned()),
        ("PLAYHOUSE__AUTH__ARGON2_ITERATIONS".to_owned(), "1".to_owned()),
    ];
    Config::load(None, own.into_iter().chain(given)).expect("a valid configuration")
}

async fn person(response: Response, expected: StatusCode) -> Person {
    assert_eq!(response.status(), expected);
    let body: Value = response.json().await.expect("tokens");
    let text = |key: &str| body[key].as_str().expect("a token").to_owned();
    Person { token: text("access_token"), refresh_token: text("refresh_token"), user: body["user"].clone() }
}

/// The problem of a refused request: its status and code, after checking the document around them.
pub async fn problem(response: Response) -> (u16, String) {
    let status = response.status().as_u16();
    let kind = response.headers()["content-type"].to_str().expect("a media type").to_owned();
    assert_eq!(kind, "application/problem+json");
    let request_id = response.headers()["x-request-id"].to_str().expect("an id").to_owned();
    let body: Value = response.json().await.expect("a problem document");
    assert_eq!(body["status"], status);
    assert_eq!(body["request_id"], request_id.as_str());
    assert!(body["detail"].as_str().is_some_and(|detail| !detail.is_empty()));
    (status, body["code"].as_str().expect("a code").to_owned())
}

/// Waits for a state that comes by itself, for twenty seconds.
pub async fn wait_until<F: Future<Output = bool>>(what: &str, holds: impl Fn() -> F) {
    let deadline = tokio::time::Instant::now() + Duration::from_secs(20);
    while !holds().await {
        assert!(tokio::time::Instant::now() < deadline, "it never came to be: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// A clip of the kind people upload; `make clips` fetches it.
pub fn clip(name: &str) -> Vec<u8> {
    let folder = std::env::var_os("PLAYHOUSE_CLIPS")
        .map_or_else(|| std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(".cache/clips"), Into::into);
    let path = folder.join(name);
    std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}; run `make clips`", path.display()))
}

/// The URIs that a playlist names, attributes included.
pub fn uris(playlist: &str) -> Vec<String> {
    let attributes = playlist.split("URI=\"").skip(1).filter_map(|rest| rest.split('"').next());
    let lines = playlist.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
    attributes.chain(lines).map(str::to_owned).collect()
}

/// A clip of two seconds that ffmpeg makes at once, with `more` among its output options.
pub fn tiny_clip(more: &[&str]) -> Vec<u8> {
    tiny_video("clip.mp4", 2, &[], more)
}

/// The same with a second sound, in English beside German.
pub fn bilingual_clip() -> Vec<u8> {
    let languages = "-map 2:a -metadata:s:a:0 language=ger -metadata:s:a:1 language=eng";
    let options: Vec<&str> = languages.split(' ').collect();
    tiny_video("clip.mp4", 2, &["-f", "lavfi", "-i", "sine=1000:duration=2"], &options)
}

/// A small video that ffmpeg makes at once; `inputs` come behind its picture and its sound.
pub fn tiny_video(name: &str, seconds: u32, inputs: &[&str], options: &[&str]) -> Vec<u8> {
    let folder = tempfile::tempdir().expect("a folder for the clip");
    let path = folder.path().join(name);
    let (picture, sound) =
        (format!("testsrc2=duration={seconds}:size=320x180:rate=25"), format!("sine=duration={seconds}"));
    let output = std::process::Command::new("ffmpeg")
        .args(["-v", "error", "-f", "lavfi", "-i", &picture, "-f", "lavfi", "-i", &sound])
        .args(inputs)
        .args("-map 0:v -map 1:a -c:v libx264 -preset ultrafast -pix_fmt yuv420p -g 25 -c:a aac".split(' '))
        .args(options)
        .arg(&path)
        .output()
        .expect("ffmpeg is installed; run `make setup-test`");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    std::fs::read(&path).expect("the clip")
}
