//! The function `parse`: an upload becomes the newest state of its source.

use hosted::lambda::{Function, serve};
use lambda_runtime::Error;

#[tokio::main]
async fn main() -> Result<(), Error> {
    serve(Function::Parse).await
}
