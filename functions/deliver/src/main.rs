//! The function `deliver`: a plan becomes LMS calls, batch by batch.

use hosted::lambda::{Function, serve};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    serve(Function::Deliver).await
}
