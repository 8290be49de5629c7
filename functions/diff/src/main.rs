//! The function `diff`: source states become a plan.

use hosted::lambda::{Function, serve};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    serve(Function::Diff).await
}
