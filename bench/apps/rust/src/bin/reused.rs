use fastly::http::serve::Serve;
use fastly::{Error, Request};

fn main() -> Result<(), Error> {
    let handler = |request: Request| -> Result<(), Error> {
        if let Some(response) = bench::handle(request)? {
            response.send_to_client();
        }
        Ok(())
    };
    Serve::new().run(handler).into_result()
}
