//! The function `reconcile`: what is due: sweeps, retries, files nobody told of.

use hosted::lambda::{Function, serve};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    serve(Function::Reconcile).await
}
