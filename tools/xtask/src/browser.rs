//! A real browser on the page: chromium by way of chromedriver, spoken to in the WebDriver protocol (W3C) by curl.
//!
//! Only what the demo's check needs: open, press, read, and a picture.

use crate::shell::{Done, command, output};
use serde_json::{Value, json};
use std::{
    process::{Child, Stdio},
    time::Duration,
};

/// A running chromedriver with one window. It ends with this value.
pub struct Browser {
    driver: Child,
    session: String,
}

impl Browser {
    /// Starts chromedriver on a port that is free, and a window in it.
    pub fn start() -> Done<Self> {
        let address = std::net::TcpListener::bind("127.0.0.1:0")?.local_addr()?;
        let mut driver = command("chromedriver")
            .args([format!("--port={}", address.port())])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .map_err(|e| format!("cannot start chromedriver: {e}"))?;
        match new_session(&format!("http://{address}")) {
            Ok(session) => Ok(Self { driver, session }),
            Err(error) => {
                driver.kill()?;
                Err(error)
            }
        }
    }

    /// Opens a page.
    pub fn open(&self, url: &str) -> Done {
        self.post("url", &json!({"url": url})).map(|_| ())
    }

    /// Presses the element that an XPath finds.
    pub fn press(&self, xpath: &str) -> Done {
        let found = self.post("element", &json!({"using": "xpath", "value": xpath}))?;
        let id = found.as_object().and_then(|o| o.values().next()).and_then(Value::as_str);
        let id = id.ok_or_else(|| format!("the page has no {xpath}"))?;
        self.post(&format!("element/{id}/click"), &json!({})).map(|_| ())
    }

    /// What a script returns.
    pub fn ask(&self, script: &str) -> Done<Value> {
        self.post("execute/sync", &json!({"script": script, "args": []}))
    }

    fn post(&self, verb: &str, body: &Value) -> Done<Value> {
        post(&format!("{}/{verb}", self.session), body)
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // The window first: chromedriver does not close it when it is ended itself.
        let mut quit = command("curl");
        quit.args(["-s", "--max-time", "10", "-X", "DELETE", &self.session]).stdout(Stdio::null());
        let _ = quit.status();
        let _ = self.driver.kill();
        let _ = self.driver.wait();
    }
}

fn new_session(driver: &str) -> Done<String> {
    let args = [
        "--headless",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--no-first-run",
        "--disable-background-networking",
        "--disable-component-update",
        "--disable-sync",
        "--window-size=1100,1400",
    ];
    let wanted = json!({"capabilities": {"alwaysMatch": {"goog:chromeOptions": {"args": args}}}});
    for _ in 0..100 {
        if let Ok(answer) = post(&format!("{driver}/session"), &wanted) {
            let id = answer["sessionId"].as_str().ok_or("chromedriver made no session")?;
            return Ok(format!("{driver}/session/{id}"));
        }
        std::thread::sleep(Duration::from_millis(200));
    }
    Err("chromedriver did not start a browser".into())
}

fn post(url: &str, body: &Value) -> Done<Value> {
    let mut curl = command("curl");
    curl.args([
        "-s",
        "--max-time",
        "60",
        "-H",
        "content-type: application/json",
        "-d",
        &body.to_string(),
        url,
    ]);
    let answer: Value = serde_json::from_str(&output(&mut curl)?)?;
    match answer["value"]["error"].as_str() {
        Some(error) => Err(format!("the browser says {error}: {}", answer["value"]["message"]).into()),
        None => Ok(answer["value"].clone()),
    }
}
