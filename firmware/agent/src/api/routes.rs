//! A server's paths as a table, from which its router is built and against which its description is tested.

use super::refused::{unknown_route, wrong_method};
use axum::{
    Router,
    extract::DefaultBodyLimit,
    handler::Handler,
    routing::{MethodFilter, MethodRouter, on},
};

/// One method of one path.
pub struct Route<S> {
    /// The method, such as `GET`.
    pub method: &'static str,
    /// The path, with `{name}` for a part and `{*name}` for the rest.
    pub path: &'static str,
    handler: MethodRouter<S>,
}

impl<S: Clone + Send + Sync + 'static> Route<S> {
    /// `GET`.
    pub fn get<H: Handler<T, S>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "GET", path, handler: on(MethodFilter::GET, handler) }
    }

    /// `POST`.
    pub fn post<H: Handler<T, S>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "POST", path, handler: on(MethodFilter::POST, handler) }
    }

    /// `PUT`.
    pub fn put<H: Handler<T, S>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "PUT", path, handler: on(MethodFilter::PUT, handler) }
    }

    /// `DELETE`.
    pub fn delete<H: Handler<T, S>, T: 'static>(path: &'static str, handler: H) -> Self {
        Self { method: "DELETE", path, handler: on(MethodFilter::DELETE, handler) }
    }

    /// The path as OpenAPI writes it.
    pub fn described_path(&self) -> String {
        self.path.replace("{*", "{")
    }
}

/// The router of a table: every path answers, if only to refuse.
pub fn router<S: Clone + Send + Sync + 'static>(routes: Vec<Route<S>>, body_max: usize) -> Router<S> {
    let router =
        routes.into_iter().fold(Router::new(), |router, route| router.route(route.path, route.handler));
    router
        .method_not_allowed_fallback(wrong_method)
        .fallback(unknown_route)
        .layer(DefaultBodyLimit::max(body_max))
}
