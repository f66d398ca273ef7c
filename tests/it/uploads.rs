use base64::{Engine, prelude::BASE64_STANDARD};
use reqwest::{Method, RequestBuilder, Response, StatusCode};
use sha2::{Digest, Sha256};

use crate::support::{Person, TestApp, clip, problem};

fn tus(app: &TestApp, who: &Person, method: Method, path: &str) -> RequestBuilder {
    app.request(method, path).bearer_auth(&who.token).header("tus-resumable", "1.0.0")
}

async fn create(app: &TestApp, who: &Person, length: usize) -> Response {
    let title = BASE64_STANDARD.encode("Größe");
    tus(app, who, Method::POST, "/api/v1/uploads")
        .header("upload-length", length)
        .header("upload-metadata", format!("title {title},filename {}", BASE64_STANDARD.encode("a.mp4")))
        .send()
        .await
        .expect("an answer")
}

fn patch(app: &TestApp, who: &Person, path: &str, offset: usize, bytes: Vec<u8>) -> RequestBuilder {
    tus(app, who, Method::PATCH, path)
        .header("upload-offset", offset)
        .header("content-type", "application/offset+octet-stream")
        .body(bytes)
}

fn location(response: &Response) -> String {
    response.headers()["location"].to_str().expect("a path").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_breaks_off_goes_on_and_arrives_byte_for_byte() {
    let app = TestApp::start().await;
    let ada = app.register("ada").await;
    let bytes = clip("bigbuckbunny.mp4");
    let created = create(&app, &ada, bytes.len()).await;
    assert_eq!(created.status(), StatusCode::CREATED);
    let path = location(&created);
    let half = bytes.len() / 2;
    let first = patch(&app, &ada, &path, 0, bytes[..half].to_vec()).send().await.expect("an answer");
    assert_eq!(first.status(), StatusCode::NO_CONTENT);
    let app = app.restart().await;
    let head = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(head.headers()["upload-offset"], half.to_string().as_str());
    assert_eq!(head.headers()["upload-length"], bytes.len().to_string().as_str());
    assert_eq!(head.headers()["cache-control"], "no-store");
    let last = patch(&app, &ada, &path, half, bytes[half..].to_vec()).send().await.expect("an answer");
    assert_eq!(last.status(), StatusCode::NO_CONTENT);
    let id = last.headers()["playhouse-video-id"].to_str().expect("an id").to_owned();
    let source = app.folder.path().join(format!("objects/sources/{id}/original"));
    let arrived = std::fs::read(source).expect("the source");
    assert_eq!(Sha256::digest(arrived), Sha256::digest(&bytes));
    let video = app.wait_for_video(&ada, &id, |video| video["status"] == "ready").await;
    assert_eq!(video["title"], "Größe");
    let again = patch(&app, &ada, &path, bytes.len(), Vec::new()).send().await.expect("an answer");
    assert_eq!(again.status(), StatusCode::NO_CONTENT, "a finished upload may be finished again");
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_its_owners_and_can_be_ended() {
    let app = TestApp::start().await;
    let (ada, bob) = (app.register("ada").await, app.register("bob").await);
    let path = location(&create(&app, &ada, 10).await);
    for method in [Method::HEAD, Method::DELETE] {
        let other = tus(&app, &bob, method, &path).send().await.expect("an answer");
        assert_eq!(other.status(), StatusCode::NOT_FOUND);
    }
    let other = patch(&app, &bob, &path, 0, vec![1]).send().await.expect("an answer");
    assert_eq!(problem(other).await, (404, "not_found".into()));
    let anonymous = app.request(Method::HEAD, &path).header("tus-resumable", "1.0.0").send().await;
    assert_eq!(anonymous.expect("an answer").status(), StatusCode::UNAUTHORIZED);
    let ended = tus(&app, &ada, Method::DELETE, &path).send().await.expect("an answer");
    assert_eq!(ended.status(), StatusCode::NO_CONTENT);
    let gone = tus(&app, &ada, Method::HEAD, &path).send().await.expect("an answer");
    assert_eq!(gone.status(), StatusCode::NOT_FOUND);
    assert!(!gone.headers().contains_key("upload-offset"));
    let left = std::fs::read_dir(app.folder.path().join("uploads")).expect("the folder").count();
    assert_eq!(left, 0);
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_tus_forbids_is_refused_with_the_status_it_names() {
    let app = TestApp::start_with(&[("UPLOADS__SIZE_MAX_BYTES", "1000")]).await;
    let ada = app.register("ada").await;
    let path = location(&create(&app, &ada, 10).await);
    let other_version =
        app.request(Method::HEAD, &path).bearer_auth(&ada.token).header("tus-resumable", "0.2.2");
    let other_version = other_version.send().await.expect("an answer");
    assert_eq!(
        (other_version.status().as_u16(), &other_version.headers()["tus-version"]),
        (412, &"1.0.0".parse().expect("text"))
    );
    let wrong_offset = patch(&app, &ada, &path, 5, vec![1]).send().await.expect("an answer");
    assert_eq!(wrong_offset.headers()["upload-offset"], "0");
    assert_eq!(problem(wrong_offset).await, (409, "offset_mismatch".into()));
    let wrong_type = tus(&app, &ada, Method::PATCH, &path).header("upload-offset", 0).body("x");
    assert_eq!(
        problem(wrong_type.send().await.expect("an answer")).await,
        (415, "unsupported_media_type".into())
    );
    assert_eq!(problem(create(&app, &ada, 1001).await).await, (413, "too_large".into()));
    let too_long = patch(&app, &ada, &path, 0, vec![1; 11]).send().await.expect("an answer");
    assert_eq!(problem(too_long).await, (413, "too_large".into()));
    let options = app.request(Method::OPTIONS, "/api/v1/uploads").send().await.expect("an answer");
    assert_eq!(options.headers()["tus-extension"], "creation,creation-with-upload,termination");
    assert_eq!(options.headers()["tus-max-size"], "1000");
    let overridden = tus(&app, &ada, Method::POST, &path).header("x-http-method-override", "HEAD");
    assert!(overridden.send().await.expect("an answer").headers().contains_key("upload-offset"));
    app.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_form_over_the_limit_is_refused_while_it_is_read_and_leaves_nothing() {
    let app = TestApp::start_with(&[("UPLOADS__SIZE_MAX_BYTES", "100000")]).await;
    let ada = app.register("ada").await;
    let file = reqwest::multipart::Part::bytes(vec![0; 200_000]).file_name("big.mp4");
    let form = reqwest::multipart::Form::new().part("file", file).text("title", "Big");
    let request = app.request(Method::POST, "/api/v1/videos").bearer_auth(&ada.token).multipart(form);
    assert_eq!(problem(request.send().await.expect("an answer")).await, (413, "too_large".into()));
    let left = std::fs::read_dir(app.folder.path().join("uploads")).expect("the folder").count();
    assert_eq!(left, 0);
    app.stop().await;
}
