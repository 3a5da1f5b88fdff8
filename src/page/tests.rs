use actix_web::http::{Method, StatusCode};
use actix_web::test::{TestRequest, call_service, init_service, read_body};
use actix_web::{App, rt};

use actix_web::dev::ServiceResponse;

use super::{ASSETS, Page, PageFile, Share};

fn header<B>(response: &ServiceResponse<B>, name: &str) -> String {
    let value = response
        .headers()
        .get(name)
        .unwrap_or_else(|| panic!("no {name}"));
    value.to_str().expect("the header is ASCII").to_owned()
}

fn share() -> Share {
    Share {
        name: "<b>&\"name\"".to_owned(),
        info_hash: "00".repeat(20),
        length: 5,
        piece_length: 16_384,
        files: vec![PageFile {
            path: "<b>&\"name\"".to_owned(),
            length: 5,
            kind: "text/plain".to_owned(),
        }],
        magnet: "magnet:?xt=urn:btih:00".to_owned(),
        trackers: vec!["announce".to_owned(), "wss://other.example/x".to_owned()],
        ice_servers: Vec::new(),
        slots: Some(2),
        web_seeds: Vec::new(),
    }
}

fn page() -> Page {
    let page = Page::default();
    page.fill(&share(), b"d4:infode".to_vec())
        .expect("the share is JSON");
    page
}

#[test]
fn every_file_that_the_page_names_is_served_with_its_type_and_guards() {
    rt::System::new().block_on(async {
        let page = page();
        let app = init_service(App::new().configure(|service| page.routes(service))).await;
        for (name, kind, bytes) in ASSETS {
            let path = if *name == "index.html" { "/" } else { name };
            let uri = format!("/{}", path.trim_start_matches('/'));
            let response = call_service(&app, TestRequest::get().uri(&uri).to_request()).await;
            assert_eq!(response.status(), StatusCode::OK, "{uri}");
            assert_eq!(header(&response, "content-type"), *kind, "{uri}");
            assert_eq!(header(&response, "x-content-type-options"), "nosniff");
            let tag = header(&response, "etag");
            assert_eq!(read_body(response).await, *bytes, "{uri}");

            let again = TestRequest::get()
                .uri(&uri)
                .insert_header(("if-none-match", tag));
            let response = call_service(&app, again.to_request()).await;
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{uri}");
        }
    });
}

#[test]
fn the_policy_allows_our_scripts_and_the_trackers_and_nothing_else() {
    rt::System::new().block_on(async {
        let page = page();
        let app = init_service(App::new().configure(|service| page.routes(service))).await;
        let asked = [
            (
                "share.example:8080",
                " ws://share.example:8080 wss://share.example:8080",
            ),
            ("a;script-src", ""),
        ];
        for (host, sockets) in asked {
            let request = TestRequest::get().uri("/").insert_header(("host", host));
            let response = call_service(&app, request.to_request()).await;
            let policy = header(&response, "content-security-policy");
            let (script, cdn) = if cfg!(webtorrent_embedded) {
                ("'self'", "")
            } else {
                ("'self' blob:", " https://cdn.jsdelivr.net")
            };
            assert_eq!(
                policy,
                format!(
                    "default-src 'none'; script-src {script}; style-src 'self'; img-src 'self'; \
                     media-src 'self'; connect-src 'self'{sockets} wss://other.example{cdn}; \
                     worker-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
                )
            );
        }
    });
}

#[test]
fn the_share_is_told_as_json_and_the_torrent_as_it_is() {
    rt::System::new().block_on(async {
        let page = page();
        let app = init_service(App::new().configure(|service| page.routes(service))).await;
        let request = TestRequest::get().uri("/share.json").to_request();
        let body = read_body(call_service(&app, request).await).await;
        let told: serde_json::Value = serde_json::from_slice(&body).expect("share.json is JSON");
        assert_eq!(told["name"], "<b>&\"name\"");
        assert_eq!(told["files"][0]["type"], "text/plain");
        assert_eq!(
            told["trackers"],
            serde_json::json!(["announce", "wss://other.example/x"])
        );
        assert_eq!(told["ice_servers"], serde_json::json!([]));
        assert_eq!(told["torrent"], "content.torrent");

        let request = TestRequest::get().uri("/content.torrent").to_request();
        let response = call_service(&app, request).await;
        assert_eq!(header(&response, "access-control-allow-origin"), "*");
        assert_eq!(read_body(response).await, b"d4:infode".as_slice());

        for uri in ["/", "/share.json", "/content.torrent"] {
            let head = TestRequest::default().method(Method::HEAD).uri(uri);
            let response = call_service(&app, head.to_request()).await;
            assert_eq!(response.status(), StatusCode::OK, "HEAD {uri}");
        }
    });
}

#[test]
fn the_page_uses_the_version_of_webtorrent_that_npm_installs() {
    let manifest = include_str!("../../web/package.json");
    let wanted = format!("\"webtorrent\": \"{}\"", super::WEBTORRENT_VERSION);
    assert!(manifest.contains(&wanted), "{manifest}");
}
