//! What Quickwit's documentation and its own tests say of a request and its answer, asked of the stand-in.

use serde_json::Value;

use super::Fake;

/// Whether an answer says all that is expected of it. `"$any"` stands for whatever is there.
fn says(answer: &Value, expected: &Value) -> bool {
    match (answer, expected) {
        (_, Value::String(any)) if any == "$any" => !answer.is_null(),
        (Value::Object(answer), Value::Object(expected)) => {
            expected.iter().all(|(key, expected)| says(answer.get(key).unwrap_or(&Value::Null), expected))
        }
        (Value::Array(answer), Value::Array(expected)) => {
            answer.len() == expected.len()
                && answer.iter().zip(expected).all(|(answer, expected)| says(answer, expected))
        }
        _ => answer == expected,
    }
}

#[tokio::test]
async fn the_stand_in_answers_as_quickwit_is_documented_to() {
    let fixtures: Vec<Value> = serde_json::from_str(include_str!("fixtures/documented.json")).unwrap();
    let fake = Fake::start().await;
    let client = reqwest::Client::new();
    for fixture in fixtures {
        let text = |key: &str| fixture[key].as_str().unwrap_or_else(|| panic!("{key} of {fixture}"));
        let url = format!("http://{}/api/v1/{}", fake.address, text("path"));
        let body = match &fixture["body"] {
            Value::String(lines) => lines.clone(),
            body => body.to_string(),
        };
        let request = client.request(text("method").parse().unwrap(), url).body(body);
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let answer: Value = response.json().await.unwrap_or_default();
        assert_eq!(u64::from(status), fixture["status"], "{}: {answer}", text("what"));
        assert!(says(&answer, &fixture["answer"]), "{}: {answer}", text("what"));
    }
}
