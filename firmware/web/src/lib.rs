//! The page that ledgerd serves: a few small files without a framework, compiled into the program.
//!
//! The page asks `/api` (docs/formats/admin-api.md) and nothing else; it fetches nothing from elsewhere, has no
//! inline script or style, and puts text into the document as text only, so the policy of [`CSP`] holds. It is
//! read-only but for the simulated board's badges, contacts and buttons, and for what somebody does who is signed in.

/// One file of the page.
#[derive(Debug, Clone, Copy)]
pub struct Asset {
    /// Its path on the server.
    pub path: &'static str,
    /// Its media type.
    pub content_type: &'static str,
    /// What is in it.
    pub body: &'static str,
}

/// The Content-Security-Policy under which the page works: itself and nothing else.
pub const CSP: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
                       form-action 'none'; base-uri 'none'; frame-ancestors 'none'";

/// Every file of the page.
pub const ASSETS: [Asset; 7] = [
    Asset { path: "/", content_type: "text/html; charset=utf-8", body: include_str!("page/index.html") },
    Asset {
        path: "/app.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("page/app.js"),
    },
    Asset {
        path: "/boxes.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("page/boxes.js"),
    },
    Asset {
        path: "/updates.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("page/updates.js"),
    },
    Asset {
        path: "/visitor.js",
        content_type: "text/javascript; charset=utf-8",
        body: include_str!("page/visitor.js"),
    },
    Asset {
        path: "/style.css",
        content_type: "text/css; charset=utf-8",
        body: include_str!("page/style.css"),
    },
    Asset { path: "/icon.svg", content_type: "image/svg+xml", body: include_str!("page/icon.svg") },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_is_inline_and_nothing_comes_from_elsewhere() {
        for asset in ASSETS {
            for bad in ["<style", "style=\"", "onclick", "innerHTML", "eval(", "https://"] {
                assert!(!asset.body.contains(bad), "{} has {bad}", asset.path);
            }
            let outside = asset.body.replace("http://www.w3.org/2000/svg", "");
            assert!(!outside.contains("http://"), "{} fetches from elsewhere", asset.path);
        }
    }

    #[test]
    fn every_file_that_the_page_asks_for_is_served() {
        let html = ASSETS[0].body;
        for part in html.split(['"']).filter(|part| part.starts_with('/')) {
            assert!(ASSETS.iter().any(|asset| asset.path == part), "{part} is not served");
        }
    }

    #[test]
    fn every_id_that_the_script_asks_for_is_in_the_page() {
        let html = ASSETS[0].body;
        let scripts = ASSETS.iter().filter(|asset| asset.path.ends_with(".js"));
        let scripts: String =
            scripts.map(|asset| asset.body.replace("document.getElementById(", "byId(")).collect();
        for part in scripts.split("byId(\"").skip(1) {
            let id = part.split('"').next().unwrap();
            assert!(html.contains(&format!("id=\"{id}\"")), "the page has no element {id}");
        }
    }
}
