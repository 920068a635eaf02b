//! `POST /v1/replay/{height}`: a block of main made again, its judges asked again. It takes as long as they do.

use super::{admin::Asking, refused::Refused};
use crate::{
    devices::chain,
    replay::{ReplayError, Replayed, replay},
};
use axum::{
    Json,
    extract::{Path, State},
};
use dapp::wire::ErrorCode;
use store::GitObjects;

/// The handler.
pub async fn post(State(services): Asking, Path(height): Path<u64>) -> Result<Json<Replayed>, Refused> {
    let repeat = move || {
        let objects = GitObjects::open(services.home.folder()).map_err(|error| failed(&error))?;
        let main = services.keeper.view().head;
        replay(&objects, main, height, &mut |task| services.judges.run_again(task)).map_err(refused)
    };
    let repeated = tokio::task::spawn_blocking(repeat).await;
    repeated.map_err(|error| failed(&error))?.map(Json)
}

fn refused(error: ReplayError) -> Refused {
    match error {
        ReplayError::NoHeight { .. } => Refused::new(ErrorCode::Unknown, error.to_string()),
        error => failed(&error),
    }
}

fn failed(error: &dyn std::error::Error) -> Refused {
    Refused::new(ErrorCode::Failed, chain(error)).hint("ledgerd's own messages say more")
}
