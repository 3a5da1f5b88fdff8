//! The share page as HTTP routes: files embedded at build time, `share.json` that
//! tells them what is shared, and the `.torrent` file.

mod headers;
#[cfg(test)]
mod tests;

use std::future::ready;
use std::sync::{Arc, OnceLock};

use actix_web::web::{self, Bytes, ServiceConfig};
use actix_web::{FromRequest, Handler, HttpRequest, HttpResponse, Resource};
use serde::Serialize;

/// Whether webtorrent.js was there at build time; see `build.rs`.
const EMBEDDED: bool = cfg!(webtorrent_embedded);
/// The version of webtorrent.js that `web/package.json` pins.
const WEBTORRENT_VERSION: &str = "3.0.21";
/// SHA-384 of that version's `dist/webtorrent.min.js`, as subresource integrity wants it.
const WEBTORRENT_INTEGRITY: &str =
    "sha384-IexsdEUdGw4BzhFFI9KtUV6DveUjtM3Qwf/paYQ1I3U0fnEUItBxhSKS0BHQwoV7";
/// Where the script comes from when it is not embedded.
const CDN: &str = "https://cdn.jsdelivr.net";

const INDEX: &str = "index.html";
const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A file of the page: its name in the URL, its type, its bytes.
type Asset = (&'static str, &'static str, &'static [u8]);

macro_rules! asset {
    ($name:literal, $kind:expr) => {
        (
            $name,
            $kind,
            include_bytes!(concat!("../web/share/", $name)),
        )
    };
}

const ASSETS: &[Asset] = &[
    asset!("index.html", HTML),
    asset!("share.css", "text/css; charset=utf-8"),
    asset!("logo.svg", "image/svg+xml"),
    asset!("share.js", SCRIPT),
    asset!("download.js", SCRIPT),
    asset!("environment.js", SCRIPT),
    asset!("files.js", SCRIPT),
    asset!("memory-store.js", SCRIPT),
    asset!("pieces.js", SCRIPT),
    asset!("player.js", SCRIPT),
    asset!("swarm.js", SCRIPT),
    asset!("sw.js", SCRIPT),
    asset!("words.js", SCRIPT),
    #[cfg(webtorrent_embedded)]
    (
        "webtorrent.min.js",
        SCRIPT,
        include_bytes!("../web/node_modules/webtorrent/dist/webtorrent.min.js"),
    ),
];

/// A file of the torrent, as the page lists it.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct PageFile {
    /// The path below the torrent's name, parts joined by `/`; the name itself for a single file.
    pub(crate) path: String,
    /// Bytes.
    pub(crate) length: u64,
    /// The media type that the name suggests.
    #[serde(rename = "type")]
    pub(crate) kind: String,
}

/// What the page shows and joins: the body of `share.json`.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Share {
    /// The torrent's name.
    pub(crate) name: String,
    /// 40 hex digits.
    pub(crate) info_hash: String,
    /// Bytes of all files.
    pub(crate) length: u64,
    /// Bytes of a piece.
    pub(crate) piece_length: u32,
    /// In the torrent's order.
    pub(crate) files: Vec<PageFile>,
    /// The magnet link to pass on.
    pub(crate) magnet: String,
    /// Web seeds of the torrent, which the page may fetch from.
    #[serde(skip)]
    pub(crate) web_seeds: Vec<String>,
    /// Trackers; ours relative to the page, so that any name of this host works.
    pub(crate) trackers: Vec<String>,
    /// `RTCIceServer` objects. None by default: the seeder has a reachable address,
    /// and a STUN server that does not answer delays every offer by five seconds.
    pub(crate) ice_servers: Vec<serde_json::Value>,
    /// How many peers the seeder serves at a time, if that does not vary.
    pub(crate) slots: Option<usize>,
}

#[derive(Serialize)]
struct ShareFile<'a> {
    #[serde(flatten)]
    share: &'a Share,
    torrent: &'static str,
    webtorrent: Script,
}

#[derive(Serialize)]
struct Script {
    url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    integrity: Option<&'static str>,
}

/// The page of one torrent; a clone is a reference. Its routes are registered before its
/// server has a port, and so before there is a link to show: until it is filled it answers 503.
#[derive(Debug, Clone, Default)]
pub(crate) struct Page(Arc<OnceLock<Content>>);

#[derive(Debug)]
struct Content {
    share: Bytes,
    torrent: Bytes,
    /// Origins besides our own that the page may connect to.
    origins: String,
}

impl Page {
    /// Shows `share`, and offers `torrent`, the bytes of its `.torrent` file. Only the first call counts.
    ///
    /// # Errors
    /// When `share` cannot be written as JSON.
    pub(crate) fn fill(&self, share: &Share, torrent: Vec<u8>) -> serde_json::Result<()> {
        let mut elsewhere = share.trackers.clone();
        elsewhere.extend_from_slice(&share.web_seeds);
        if !EMBEDDED {
            elsewhere.push(CDN.to_owned());
        }
        let file = ShareFile {
            share,
            torrent: "content.torrent",
            webtorrent: webtorrent(),
        };
        let content = Content {
            share: serde_json::to_vec(&file)?.into(),
            torrent: torrent.into(),
            origins: headers::origins(&elsewhere),
        };
        self.0.get_or_init(|| content);
        Ok(())
    }

    /// Adds the page's routes to a server.
    pub(crate) fn routes(&self, service: &mut ServiceConfig) {
        for asset in ASSETS {
            let page = self.clone();
            let path = if asset.0 == INDEX { "" } else { asset.0 };
            let answer = move |request: HttpRequest| ready(page.asset(&request, *asset));
            service.service(reads(&format!("/{path}"), answer));
        }
        let page = self.clone();
        let share = move || ready(page.share());
        let page = self.clone();
        let torrent = move || ready(page.torrent());
        service
            .service(reads("/share.json", share))
            .service(reads("/content.torrent", torrent));
    }

    fn asset(&self, request: &HttpRequest, (name, kind, bytes): Asset) -> HttpResponse {
        let tag = headers::entity_tag(bytes);
        if headers::matches(request, &tag) {
            return HttpResponse::NotModified().insert_header(tag).finish();
        }
        let mut response = headers::guarded(kind);
        response.insert_header(tag);
        if name == INDEX {
            let Some(content) = self.0.get() else {
                return HttpResponse::ServiceUnavailable().finish();
            };
            let connect = format!("{}{}", headers::own_sockets(request), content.origins);
            response.insert_header(headers::policy(&connect));
            if EMBEDDED {
                response.insert_header(("link", "<webtorrent.min.js>; rel=modulepreload"));
            }
        }
        response.body(bytes)
    }

    fn share(&self) -> HttpResponse {
        match self.0.get() {
            Some(content) => headers::guarded("application/json").body(content.share.clone()),
            None => HttpResponse::ServiceUnavailable().finish(),
        }
    }

    /// Other pages and webtorrent clients may fetch the `.torrent` (`xs` of the magnet link).
    fn torrent(&self) -> HttpResponse {
        match self.0.get() {
            Some(content) => headers::guarded("application/x-bittorrent")
                .insert_header(("access-control-allow-origin", "*"))
                .body(content.torrent.clone()),
            None => HttpResponse::ServiceUnavailable().finish(),
        }
    }
}

/// A resource for GET, and for HEAD, whose body the server leaves out.
fn reads<F, Args>(path: &str, answer: F) -> Resource
where
    F: Handler<Args, Output = HttpResponse>,
    Args: FromRequest + 'static,
{
    web::resource(path)
        .get(answer.clone())
        .route(web::head().to(answer))
}

fn webtorrent() -> Script {
    if EMBEDDED {
        return Script {
            url: "webtorrent.min.js".to_owned(),
            integrity: None,
        };
    }
    Script {
        url: format!("{CDN}/npm/webtorrent@{WEBTORRENT_VERSION}/dist/webtorrent.min.js"),
        integrity: Some(WEBTORRENT_INTEGRITY),
    }
}
